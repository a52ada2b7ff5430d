"""The room that thinks. It does no I/O, reads no clock, draws nothing at random, logs nothing.

The story, in the order of a consultation:

    events        what happened: Said, Picked, AskedToForget …
    conversation  where a conversation stands, frozen; names of fields, never values
    engine        `step(state, event, now, rules) -> Step`, and the table of what may follow what
    asking        the open question of a state, and so what may be picked
    consultation  the main path: topic, question, follow-up, whose details, review, sent
    consent       the card and what a decision does
    fields        answers to the questions: taken, refused with a reason, skipped, corrected
    rights        the words that work at every stage: view, correct, delete, withdraw …
    visit         the visit record, for those who allowed it
    hearing       what is kept of free text, after `screening`
    outcomes      what follows: replies (never a value in them) and effects for the store
    rules         what the company configured, frozen; `reading` makes it from a file's tables

`answers` judges answers, `commands` knows the words, `screening` finds what must not be kept; each has files of its own
beside it. `faq`, `hours` and `policy` are small look-ups.
"""
