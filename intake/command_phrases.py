"""The words of every command in English and Chinese: whole phrases, as regular expressions that must match to the end.

A phrase stands here as `commands.plain` leaves it: lower case, no closing punctuation, no courtesies, no space beside a
Chinese character. `{field}`, `{purpose}` and `{locale}` stand for a word that the configuration knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_MY_DATA = (
    r"(?:all )?(?:of )?(?:the )?(?:my|about me) ?(?:own |personal |stored |saved )?"
    r"(?:data|details|info|information|answers|records?|profile)"
)
_MY_DATA_ZH = (
    r"(?:我的?(?:所有|全部)?(?:的)?(?:个人)?|(?:所有|全部)?(?:的)?个人)(?:信息|资料|数据|记录|隐私信息)"
)
_SHOW = r"(?:view|show|see|display|check|list|look at|read|get|access)(?: me)?"
_SHOW_ZH = r"(?:查看|看|看看|查|查询|显示|查阅|浏览)(?:一下|下)?"
_REMOVE = r"(?:delete|remove|erase|forget|wipe|destroy|clear)"
_REMOVE_ZH = r"(?:删除|删掉|清除|清空|抹除|抹掉|销毁|移除)(?:一下)?"
_FIX = r"(?:correct|change|edit|update|fix|modify|amend|replace)"
_FIX_ZH = r"(?:更正|修改|更改|改|改正|更新|纠正|编辑|变更)(?:一下|下)?"
_REVOKE = r"(?:withdraw|revoke|retract|take back|cancel)"
_REVOKE_ZH = r"(?:撤回|撤销|收回|取消)(?:一下)?"
_PERSON = r"(?:human|person|real person|human being|colleague|agent|human agent|live agent|operator|representative|someone"
_PERSON += r"|somebody|real human|staff|sales|support|salesperson|advisor|consultant)"
_PERSON_ZH = r"(?:人工|人工客服|客服|真人|真人客服|人工服务|销售|工作人员|顾问|同事)"

PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "help": (
            r"help|help me|i need help|need help|commands?|show commands|menu|what can (?:i|you) do|what can i say|\?",
            r"how does this work|help please",
            r"帮助|求助|帮帮我|需要帮助|我需要帮助|指令|命令|菜单|你能做什么|你会做什么|怎么用|使用说明|有哪些指令",
        ),
        "view": (
            rf"view|view it|{_SHOW} {_MY_DATA}|my (?:data|details|info|information|record)|view {{field}}",
            r"(?:what|which data|what data|what information|which information) (?:do|have|did) you (?:know|store|stored|hold|kept"
            r"|keep|have|saved|save|got|collect|collected)(?: (?:about|on|of) me)",
            rf"{_SHOW} (?:me )?what you (?:know|have|keep|store|hold|saved)(?: about| on)? me|who (?:saw|opened) my data",
            rf"{_SHOW} my {{field}}",
            rf"查看|查阅|{_SHOW_ZH}{_MY_DATA_ZH}|我的(?:信息|资料|数据|个人信息|个人资料)|{_SHOW_ZH}我的?{{field}}",
            r"你们?(?:知道|保存|存|收集|留|有|记)了?我的?(?:什么|哪些)(?:个人)?(?:信息|资料|数据)?|谁看过我的(?:信息|资料|数据)",
            r"你们?(?:保存|收集|存储|掌握)了(?:关于)?我的?(?:什么|哪些)(?:个人)?(?:信息|资料|数据)",
        ),
        "correct": (
            rf"{_FIX}|{_FIX} {_MY_DATA}|{_FIX} (?:something|a mistake|an answer|an error)|correction|i made a mistake",
            rf"{_FIX} (?:my |the )?{{field}}|(?:my |the )?{{field}} is (?:wrong|incorrect|not right)|wrong {{field}}",
            rf"i (?:mistyped|misspelled|misspelt) my {{field}}|new {{field}}",
            rf"更正|修改|更改|改正|纠正|变更|{_FIX_ZH}{_MY_DATA_ZH}|我?(?:填|写|输|打)错了|{_FIX_ZH}(?:我的?)?{{field}}",
            r"(?:我的?)?{field}(?:填|写|输|打)?(?:错了|有误|不对)|换(?:一?个)?{field}",
        ),
        "delete": (
            rf"{_REMOVE} {_MY_DATA}|delete|erase|erase me|delete me|forget me|delete everything|erase everything|delete all",
            rf"{_REMOVE} everything (?:about me|you (?:have|know|keep|store|hold)(?: (?:about|on) me)?)",
            rf"{_REMOVE} my (?:account|visit record|consultation|request|enquiry|inquiry|messages|conversation|chat)",
            rf"{_REMOVE} my {{field}}|{_REMOVE} this (?:consultation|conversation|chat)|right to be forgotten",
            rf"删除|删掉|抹除|{_REMOVE_ZH}{_MY_DATA_ZH}|全部删除|删除(?:全部|所有|一切)|删除我|忘记我|忘了我|注销|注销账号",
            rf"{_REMOVE_ZH}(?:我的|这次|本次|这个)(?:咨询|访问记录|对话|聊天记录|消息)|{_REMOVE_ZH}我的?{{field}}",
            rf"把{_MY_DATA_ZH}(?:全部|都)?(?:删除|删掉|删了|清除)|被遗忘权",
        ),
        "withdraw": (
            rf"withdraw|(?:withdraw|revoke|retract|take back) (?:my |the )?consents?|{_REVOKE} my consents?|opt out|unsubscribe",
            r"i (?:withdraw|revoke) my consent|stop (?:using|processing|sharing) my (?:data|information|details)",
            r"i (?:no longer|don't) consent(?: any ?more)?",
            r"(?:withdraw|revoke|retract)(?: my| the)?(?: consents?)?(?: (?:for|to|from|of))?(?: the)? {purpose}",
            r"opt out (?:of|from) {purpose}|unsubscribe from (?:the )?{purpose}|no more {purpose}|stop (?:the )?{purpose}",
            rf"撤回|撤销|{_REVOKE_ZH}(?:我的?)?(?:同意|授权)|我(?:要|想)?(?:撤回|撤销)同意|我?不再同意|退订",
            rf"{_REVOKE_ZH}(?:我的?)?(?:对)?{{purpose}}(?:的)?(?:同意|授权)|(?:撤回|撤销){{purpose}}|退订{{purpose}}",
            rf"{_REVOKE_ZH}(?:同意|授权){{purpose}}|(?:不再接收|不要再发|停止){{purpose}}|停止使用{_MY_DATA_ZH}",
        ),
        "export": (
            rf"export|(?:export|download|save|send me|email me|give me) (?:a copy of )?{_MY_DATA}|data export|export data",
            rf"(?:get |i want |download )?(?:a )?copy of {_MY_DATA}|take my data with me|data portability",
            rf"导出|(?:导出|下载|拷贝|复制|发给我|给我)(?:一份)?{_MY_DATA_ZH}(?:的?副本)?|{_MY_DATA_ZH}的?副本|数据导出",
            rf"(?:一份)?{_MY_DATA_ZH}(?:的)?(?:拷贝|副本|导出)",
        ),
        "policy": (
            r"(?:(?:show|view|read|see|open)(?: me)? )?(?:the |your )?(?:privacy )?policy",
            r"(?:(?:show|view|read|see|open)(?: me)? )?(?:the |your )?privacy(?: notice| statement| terms)?",
            r"(?:查看|看|看看|阅读)?(?:一下)?(?:你们的?)?(?:隐私政策|隐私条款|隐私声明|隐私协议|个人信息保护政策|隐私权政策)",
            r"政策|隐私|查看政策",
        ),
        "receipts": (
            r"(?:(?:show|view|see|get|download)(?: me)? )?(?:my |the )?(?:consent )?receipts?",
            r"(?:(?:show|view|see|get|list)(?: me)? )?(?:my )?consent (?:records?|history)|(?:my|show my|view my) consents",
            r"what (?:did|have) i (?:agree|agreed|consent|consented)(?: to)?|proof of consent",
            r"(?:查看|看|看看|下载)?(?:一下)?我?的?(?:同意)(?:记录|凭证|回执|收据|书)|回执|凭证|我同意了(?:什么|哪些)",
        ),
        "language": (
            r"languages?|lang|(?:change|switch|choose|select|set)(?: the| my)? language|other language|another language",
            r"(?:(?:(?:change|switch|set)(?: the| my)? )?language(?: to| is|:)? |lang |switch to |change to |(?:speak|use|in) "
            r"|(?:speak|reply|answer|talk|write)(?: to me)? in |i speak )?{locale}(?: version| language)?",
            r"do you speak {locale}",
            r"语言|语种|(?:切换|更换|换|选择|更改|改|设置)(?:一下)?语言|换一种语言|换个语言|其他语言",
            r"(?:语言|(?:把)?语言(?:换|改|切换)(?:成|为|到)|切换(?:到|为|成)|换(?:成|到|为)|改(?:成|为)|转(?:成|为)|用|说|讲|使用)?"
            r"{locale}(?:版|语言|回答|回复|交流)?",
            r"(?:你)?会说{locale}吗?|能(?:说|讲|用){locale}吗?",
        ),
        "human": (
            rf"human|agent|operator|representative|real person|live chat|(?:a )?{_PERSON}|customer (?:service|support)|call me",
            rf"(?:talk|speak|chat|connect me|transfer me|put me through|get me|switch)(?: to| with)?(?: me)? (?:an? |your |the )?"
            rf"(?:real |live )?{_PERSON}(?: please)?",
            rf"(?:i )?(?:want|need|prefer) (?:to (?:talk|speak|chat) (?:to|with) )?(?:an? )?(?:real |live )?{_PERSON}",
            rf"(?:转|找|要|接|叫|换|联系|呼叫|转接|接入|接通)(?:一下|个)?{_PERSON_ZH}|{_PERSON_ZH}|(?:和|跟|与)?{_PERSON_ZH}(?:聊|说话|沟通)",
            r"(?:和|跟|与)(?:人|真人|你们的人)(?:聊聊?|说话|沟通|讲话)|有人吗|人工在吗|我不要机器人|不要机器人",
        ),
        "cancel": (
            r"cancel|cancel (?:it|this|that|all|everything|this (?:consultation|request|form|conversation)|(?:the|my) "
            r"(?:consultation|request|form|enquiry|inquiry))|abort|quit|exit|stop|never ?mind|forget it|stop it|discard(?: it)?",
            r"取消|取消(?:吧|掉|了)|取消(?:这次|本次|此次|我的)?(?:咨询|申请|填写|请求)|放弃|退出|停止|不填了|不咨询了|终止",
        ),
        "new": (
            r"new|start|start (?:again|over|anew|new|from the beginning|afresh)|restart|begin|begin again|reset|from the start",
            r"(?:start |begin |ask )?(?:a |an )?(?:new|another) (?:consultation|question|conversation|chat|enquiry|inquiry|topic"
            r"|request|session)",
            r"新建|开始|重新开始|从头开始|重来|从头来|重新来(?:过)?|再来一次|重启|(?:重新|再次)咨询|重置",
            r"(?:开始|发起|新建)?(?:一个|一次)?新的?(?:咨询|问题|对话|会话|提问|话题)|(?:再|还)(?:咨询|问)一个(?:问题)?",
        ),
    }
)

YES = (
    r"y|yes|yes please|yeah|yep|yup|ya|ok|okay|sure|of course|certainly|absolutely|please do|go ahead|correct|right|true|why not"
    r"|是|是的|是啊|好|好的|好啊|好吧|可以|可以的|行|行的|嗯|嗯嗯|对|对的|要|要的|需要|愿意|没问题|当然|当然可以|确认|确定|同意|有"
)
NO = (
    r"n|no|nope|nah|no thanks|no thank you|not now|no need|not really|never|not yet|don't|do not|false|i don't|rather not"
    r"|不|不是|不是的|否|不要|不要了|不用|不用了|不需要|不必|不必了|不了|没|没有|不行|不可以|不愿意|不对|不同意|暂时不用|先不用|暂不"
)
SKIP = (
    r"skip|skip it|skip this|skip that|skip this (?:one|question)|pass|next|next question|leave (?:it )?(?:blank|empty)|none|n/a"
    r"|prefer not to say|i prefer not to say|i'd rather not(?: say)?|rather not(?: say)?|no answer|no comment|don't want to say"
    r"|跳过|跳过吧|跳过这(?:个|题|项|一题|一项|个问题)|略过|略|不填|先不填|不想填|不想说|不便透露|不方便|保密|下一个|下一题|下一步|下一项|无"
)

# Said around a phrase without changing it. Asking words stand only before phrases that speak of "my" or "me": "can I
# export" may ask about the product, "can I export my data" does not.
COURTESY_BEFORE = (
    r"(?:please|pls|plz|kindly|hi|hello|hey|i want to|i wanna|i would like to|i'd like to|i wish to|i need to|let me|just"
    r"|i want|i'd like) |(?:请|麻烦|你好|您好|劳驾|帮我|请帮我|麻烦帮我|我想要|我想|我要|我需要|给我|请问|那就|那)"
)
ASKING_BEFORE = (
    r"(?:can i|could i|may i|can you|could you|would you|will you|how do i|how can i|how to|where can i|am i able to) "
    r"|(?:怎么|如何|怎样|能不能|可不可以|可以|能|能否|是否可以|我能|我可以|我怎么|我如何|在哪里?)"
)
COURTESY_AFTER = r" (?:please|pls|plz|now|thanks|thank you|right now|right away|again|instead)|(?:谢谢|多谢|吧|一下|可以吗|行吗|好吗|吗|呢|啊|呀)"
