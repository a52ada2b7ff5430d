"""The words of every command in English and Chinese: whole phrases, as regular expressions that must match to the end.

A phrase stands here as `commands.plain` leaves it: lower case, no closing punctuation, no space beside a Chinese
character. `{field}`, `{purpose}` and `{locale}` stand for a word that the configuration knows; a line has at most one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_DATA = r"(?:data|details|info|information|answers|records?|profile)"
_MY_DATA = rf"(?:all )?(?:of )?my (?:own |personal |stored |saved )?{_DATA}"
_MY_DATA_ZH = r"(?:我的?(?:所有|全部)?(?:的)?(?:个人)?|(?:所有|全部)?(?:的)?个人)(?:信息|资料|数据|记录)"
_SHOW = r"(?:view|show|see|display|check|list|look at|read|get|access)(?: me)?"
_SHOW_ZH = r"(?:查看|看看|看|查询|查|显示|查阅|浏览)(?:一下|下)?"
_KEEP = r"(?:know|store|stored|hold|kept|keep|have|save|saved|got|collect|collected)"
_KEEP_ZH = r"(?:知道|保存|收集|存储|掌握|存|留|有|记)"
_REMOVE = r"(?:delete|remove|erase|forget|wipe|destroy|clear)"
_REMOVE_ZH = r"(?:删除|删掉|清除|清空|抹除|抹掉|销毁|移除)(?:一下)?"
_FIX = r"(?:correct|change|edit|update|fix|modify|amend|replace)"
_FIX_ZH = r"(?:更正|修改|更改|改正|改|更新|纠正|编辑|变更)(?:一下|下)?"
_REVOKE = r"(?:withdraw|revoke|retract|take back)"
_REVOKE_ZH = r"(?:撤回|撤销|收回|取消)(?:一下)?"
_CONSENT_ZH = r"(?:同意|授权)"
_THING = r"(?:consultation|request|enquiry|inquiry|conversation|chat|form|messages|account|visit record)"
_THING_ZH = r"(?:咨询|申请|填写|请求|访问记录|对话|聊天记录|消息|账号)"
_PERSON = (
    r"(?:human|human being|real human|real person|person|agent|human agent|live agent|colleague|operator"
    r"|representative|someone|somebody|staff|sales|support|salesperson|advisor|consultant)"
)
_PERSON_ZH = r"(?:人工客服|人工服务|人工|真人客服|真人|客服|销售|工作人员|顾问|同事)"
# Alone, "sales" or "顾问" is an answer to "your position?", and "support" a topic.
_NO_JOB = r"(?:human|human being|real human|real person|live person|agent|human agent|live agent)"
_NO_JOB_ZH = r"(?:人工客服|人工服务|人工|真人客服|真人|客服)"

PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "help": (
            r"help|help me|i need help|need help|commands?|show commands|menu|\?",
            r"what can (?:i|you) do|what can i say|how does this work",
            r"帮助|求助|帮帮我|(?:我)?需要帮助|指令|命令|菜单|使用说明|有哪些(?:指令|命令)",
            r"你(?:能做什么|会做什么|能干什么)|(?:这个)?怎么用",
        ),
        "view": (
            rf"view|view it|{_SHOW} {_MY_DATA}|my {_DATA}|my personal {_DATA}",
            rf"(?:what|which|what data|which data|what {_DATA}) (?:do|have|did) you {_KEEP} (?:about|on|of) me",
            rf"{_SHOW} what you {_KEEP}(?: about| on)? me|who (?:saw|opened|has seen) my {_DATA}",
            rf"{_SHOW} my {{field}}",
            rf"查看|查阅|{_SHOW_ZH}{_MY_DATA_ZH}|{_MY_DATA_ZH}|谁看过{_MY_DATA_ZH}",
            rf"你们?{_KEEP_ZH}(?:了)?(?:关于)?我的?(?:什么|哪些)(?:个人)?(?:信息|资料|数据)?",
            rf"{_SHOW_ZH}我的?{{field}}",
        ),
        "correct": (
            rf"correction|i made a mistake|{_FIX}|{_FIX} {_MY_DATA}",
            rf"{_FIX} (?:something|a mistake|an answer|my answers?|an error)",
            rf"{_FIX} ?(?:my |the )?{{field}}",
            r"(?:my |the )?{field} is (?:wrong|incorrect|not right)",
            r"i (?:mistyped|misspelled|misspelt) my {field}",
            r"(?:wrong|new) {field}",
            rf"更正|修改|更改|改正|纠正|变更|{_FIX_ZH}{_MY_DATA_ZH}|我?(?:填|写|输|打)错了",
            rf"{_FIX_ZH}(?:我的?)?{{field}}",
            r"(?:我的?)?{field}(?:填|写|输|打)?(?:错了|有误|不对)",
            r"换(?:一?个)?{field}",
        ),
        "delete": (
            rf"delete|delete all|erase|{_REMOVE} {_MY_DATA}|{_REMOVE} everything|(?:erase|delete|forget) me",
            rf"{_REMOVE} everything (?:about me|you {_KEEP}(?: (?:about|on) me)?)|right to be forgotten",
            rf"{_REMOVE} (?:my|this) {_THING}",
            rf"{_REMOVE} my {{field}}",
            rf"删除|删掉|抹除|{_REMOVE_ZH}{_MY_DATA_ZH}|全部删除|删除(?:全部|所有|一切)",
            r"(?:删除|忘记|忘了)我|注销|注销账号|被遗忘权",
            rf"{_REMOVE_ZH}(?:我的|这次|本次|这个){_THING_ZH}",
            rf"把{_MY_DATA_ZH}(?:全部|都)?(?:删除|删掉|删了|清除)",
            rf"{_REMOVE_ZH}我的?{{field}}",
        ),
        "withdraw": (
            rf"withdraw|{_REVOKE} (?:my |the )?consents?|cancel my consents?|opt out|unsubscribe",
            rf"i {_REVOKE} my consent|i (?:no longer|don't) consent(?: any ?more)?",
            rf"stop (?:using|processing|sharing) my {_DATA}",
            rf"{_REVOKE}(?: my| the)?(?: consents?)?(?: (?:for|to|from|of))?(?: the)? ?{{purpose}}",
            r"(?:opt out (?:of|from)|unsubscribe from|no more)(?: the)? {purpose}",
            rf"撤回|撤销|退订|{_REVOKE_ZH}(?:我的?)?{_CONSENT_ZH}|我?不再同意|停止使用{_MY_DATA_ZH}",
            rf"{_REVOKE_ZH}(?:我的?)?(?:对)?{{purpose}}(?:的)?{_CONSENT_ZH}",
            rf"{_REVOKE_ZH}{_CONSENT_ZH}{{purpose}}",
            r"(?:撤回|撤销|退订|不再接收|不要再发){purpose}",
        ),
        "export": (
            rf"export|data export|export data|(?:export|download|save|send me|email me|give me) {_MY_DATA}",
            rf"(?:get |download |send me |give me )?(?:a )?copy of {_MY_DATA}|data portability",
            rf"导出|数据导出|(?:导出|下载|拷贝|复制)(?:一份)?{_MY_DATA_ZH}",
            rf"(?:发给我|下载|一份)*{_MY_DATA_ZH}的?(?:副本|拷贝)",
        ),
        "policy": (
            r"(?:(?:show|view|read|see|open)(?: me)? )?(?:the |your )?(?:privacy )?policy",
            r"(?:(?:show|view|read|see|open)(?: me)? )?(?:the |your )?privacy(?: notice| statement| terms)?",
            rf"政策|隐私|查看政策|(?:{_SHOW_ZH}|阅读)?(?:你们的?)?隐私(?:权政策|政策|条款|声明|协议)",
        ),
        "receipts": (
            r"(?:(?:show|view|see|get|download)(?: me)? )?(?:my |the )?(?:consent )?receipts?",
            r"(?:(?:show|view|see|get|list)(?: me)? )?(?:my )?consent (?:records?|history)|proof of consent",
            r"(?:(?:show|view|see|list)(?: me)? )?my consents|what (?:did|have) i (?:agreed?|consent(?:ed)?)(?: to)?",
            rf"回执|凭证|(?:{_SHOW_ZH}|下载)?(?:我的?)?同意(?:记录|凭证|回执|书)|我同意了(?:什么|哪些)",
        ),
        "verify": (
            rf"verify|verify me|unlock|(?:unlock|reveal|unmask) (?:it|{_MY_DATA})",
            rf"show (?:it|everything|{_MY_DATA}) in full",
            r"(?:please )?(?:send|mail|email) me (?:a|the|another|a new) (?:one-time |verification )?code",
            r"验证|验证我的?身份|(?:给我)?(?:发送|发|获取)(?:一个|一下)?验证码|(?:完整)?显示(?:完整)?(?:我的)?全部信息",
        ),
        "language": (
            r"languages?|lang|(?:change|switch|choose|select|set)(?: the| my)? language|(?:an)?other language",
            r"in {locale}",
            r"{locale} (?:version|language)",
            r"(?:switch to|change to|speak|use|lang|i speak|do you speak) {locale}",
            r"(?:(?:change|switch|set)(?: the| my)? )?language(?: to| is|:)? {locale}",
            r"(?:speak|reply|answer|talk|write)(?: to me)? in {locale}",
            r"语言|语种|(?:切换|更换|换|选择|更改|改|设置)(?:一下)?语言|换一种语言|换个语言|其他语言",
            r"(?:语言|用|说|讲|使用){locale}(?:回答|回复|交流)?",
            r"{locale}(?:版|语言|回答|回复|交流)",
            r"(?:把?语言)?(?:切换|换|改|转)(?:成|为|到){locale}",
            r"(?:你)?(?:会|能)(?:说|讲|用){locale}",
        ),
        "human": (
            rf"(?:a )?{_NO_JOB}|live chat|customer (?:service|support)|call me",
            rf"(?:talk|speak|chat|switch) (?:to|with) (?:an? |your |the )?(?:real |live )?{_PERSON}",
            rf"(?:connect|transfer|put|get) me (?:through )?(?:to |with )?(?:an? |your )?(?:real |live )?{_PERSON}",
            rf"(?:i )?(?:want|need|prefer) (?:an? )?(?:real |live )?{_PERSON}",
            rf"{_NO_JOB_ZH}|(?:转接|转|找|要|接入|接通|接|叫|换|联系|呼叫)(?:一下|个)?{_PERSON_ZH}",
            rf"(?:和|跟|与)(?:{_PERSON_ZH}|人|你们的人)(?:聊聊?|说话|沟通|讲话)|有人吗|人工在吗|我?不要机器人",
        ),
        "cancel": (
            r"cancel|cancel (?:it|this|that|all|everything)|abort|quit|exit|stop|stop it|discard|discard it",
            rf"cancel (?:the|my|this) {_THING}|never ?mind|forget it",
            rf"取消|取消(?:吧|掉|了)|取消(?:这次|本次|此次|我的)?{_THING_ZH}",
            r"放弃|退出|停止|终止|不填了|不咨询了",
        ),
        "new": (
            r"new|start|restart|begin|begin again|reset|start (?:again|over|anew|new|afresh)|from the start",
            rf"(?:start |begin )?(?:a |an )?(?:new|another) (?:{_THING}|question|topic|session)",
            r"新建|开始|重新开始|从头开始|重来|从头来|重新来过?|再来一次|重启|重置|(?:重新|再次|新建)(?:咨询|对话|会话)",
            r"(?:开始|发起|新建)?(?:一个|一次)?新的?(?:咨询|问题|对话|会话|提问|话题)|(?:再|还)(?:咨询|问)一个(?:问题)?",
        ),
    }
)

GREETING = (
    r"(?:hi|hello|hey)(?: there)?|good (?:morning|afternoon|evening|day)|greetings",
    r"(?:你好|您好|嗨|哈喽)(?:在吗)?|在吗|早上好|下午好|晚上好",
)
YES = (
    r"y|yes|yes please|yeah|yep|yup|ok|okay|sure|of course|certainly|absolutely|please do|go ahead|right|why not",
    r"是|是的|是啊|好|好的|好啊|好吧|可以|可以的|行|行的|嗯|嗯嗯|对|对的|要|要的|需要|愿意|没问题|当然|当然可以|确认|确定|有",
)
NO = (
    r"n|no|nope|nah|no thanks|no thank you|not now|no need|not really|never|not yet|don't|do not|i don't",
    r"不|不是|不是的|否|不要|不要了|不用|不用了|不需要|不必|不必了|不了|没|没有|不行|不可以|不愿意|不对|暂时不用|先不用",
)
SKIP_ITSELF = (
    r"skip|skip (?:it|this|that|this one|this question)",
    r"跳过|跳过吧|跳过这(?:个|题|项|一题|一项|个问题)|略过|先?不填",
)
SKIP = (
    *SKIP_ITSELF,
    r"pass|next|next question|leave (?:it )?(?:blank|empty)|none|n/a",
    r"(?:i )?prefer not to say|(?:i'd )?rather not(?: say)?|no answer|no comment|don't want to say",
    r"略|不想填|不想说|不便透露|不方便|保密|无",
    r"下一(?:个|题|步|项)",
)

THANKS = (
    r"thanks|thank you|thanks a lot|thank you very much|many thanks|cheers|great|perfect|bye|goodbye|good bye|see you",
    r"谢谢|谢谢您|谢谢你|多谢|感谢|非常感谢|再见|拜拜|好的谢谢|知道了|明白了|了解了|收到",
)
# What is to be corrected need not be something that is kept: then it is said what is.
FIX_MINE = (rf"{_FIX} my [^?]{{1,40}}", rf"{_FIX_ZH}我的[^?吗]{{1,16}}")
FIX_SOMETHING = (r"correct (?:the )?[^? ]{1,20}(?: [^? ]{1,20}){0,2}", r"更正[^?吗]{1,12}")

_AGREE = ("agree", "agreed", "i agree", "yes i agree", "同意", "我同意", "是的我同意")
_REFUSE = (
    "refuse",
    "i refuse",
    "disagree",
    "i disagree",
    "i don't agree",
    "i do not agree",
    "拒绝",
    "我拒绝",
    "不同意",
    "我不同意",
)
# What people type instead of what stands on a button: compared like the labels, without punctuation.
OPTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "followup:yes": (
            "i would like that", "yes i would", "please contact me", "contact me", "请联系我", "联系我", "麻烦联系我",
        ),
        "followup:no": ("that's all", "i'm fine", "不用联系", "不用联系我", "没有了"),
        "abroad:agree": _AGREE,
        "abroad:refuse": _REFUSE,
        "consent:agree": _AGREE,
        "consent:refuse": _REFUSE,
        "separate:agree": _AGREE,
        "separate:skip": _REFUSE,
        "whose:own": (
            "own", "mine", "my own details", "my details", "me", "myself",
            "我的", "我自己的", "自己的", "本人", "我本人的",
        ),
        "whose:other": (
            "someone else", "somebody else", "somebody else's", "another person", "another person's", "other",
            "not mine",
            "别人的", "别人", "他人", "其他人的", "其他人", "不是我的", "同事的", "朋友的",
        ),
        "whose:authorised": (
            "authorised", "authorized", "yes authorized", "they have",
            "已授权", "已获授权", "是已授权", "有授权", "授权了",
        ),
        "whose:not": ("not authorised", "not authorized", "they have not", "没有授权", "未授权", "未获授权"),
        "review:send": (
            "send it", "please send", "please send it", "submit", "yes send it", "提交", "发吧", "发送吧", "确认发送",
        ),
        "delete:draft": ("stop", "erase it", "erase", "删除", "停止"),
    }
)  # fmt: skip

# Said around a phrase without changing it. Asking words stand only before phrases that speak of "my", "me" or a human:
# "can I export" may ask about the product, "can I export my data" does not.
COURTESY_BEFORE = (
    r"(?:please|pls|plz|kindly|hi|hello|hey|just|let me|i (?:want|need|wish)(?: to)?|i wanna),? ",
    r"(?:i would|i'd) like(?: to)? ",
    r"请问|请|麻烦|你好|您好|劳驾|帮我|我想要|我想|我要|我需要|那就|那",
)
ASKING_BEFORE = (
    r"(?:can i|could i|may i|can you|could you|would you|will you|how do i|how can i|how to|where can i) ",
    r"怎么|如何|怎样|能不能|可不可以|可以|能否|能|是否可以|我能|我可以|我怎么|我如何|在哪里?",
)
COURTESY_AFTER = (
    r",? (?:please|pls|plz|now|thanks|thank you|right now|right away|again|instead)",
    r"谢谢|多谢|吧|一下|可以吗|行吗|好吗|吗|呢|啊|呀",
)
