"""Pages are prose; what the code and its traces can say is put in where the prose names it.

A page is a file below ``docs/prose``; what stands in it between double braces is replaced, and the page
written where MkDocs looks for it. A name that means nothing ends the build: file, line and name are told.

    {{Node.run}}                     our function, class or field, linked; file.py#Name where several have
                                     that name; the tracer's if minietcd has none
    {{go Node.run}}                  its Go twin, linked at the pinned version
    {{see put/09-ready}}             another page, linked by its heading
    {{value STREAM_BUF_SIZE}}        what the code makes a constant
    {{measured simulator no-fsync}}  what was measured once and is kept in ``docs/prose/reference``, there in
                                     ``simulator.json``: a figure, or the cells of a row
    {{channel put readyc}}           a channel that something crosses in that scenario
    {{figure put calls}}             a number: see ``figures.FIGURES``
    {{took put n1 WAL.sync}}         how long that call took, {{when …}} when it began; {{times …}} how many
    {{got put n1 WAL.save ents}}     what that call was given as ents, {{gave …}} what it returned (of entries
                                     the indices); with ``whole`` at its end also of one that served nobody
    {{listing Node.run put n1}}      its text, with the lines that ran on n1 marked
    {{graph put n1 Raft.step}}       the turn in which that was called, drawn: its calls, its hand-offs;
                                     ``Raft.step 4`` shows so many calls deep, ``Raft.step 4 whole`` also
                                     what served nobody
    {{overview put}}                 the stations of all members, drawn; a second word: the page that plays it
    {{facts put}}                    how much served it, in a sentence
    {{stations put}}                 the stations as a table; {{tree put}}: every call, as in the terminal
    {{states ROLES}}                 a table of states, drawn: what becomes what, and why
    {{turns put n1}}                 how readyc and advancec took turns on n1; one more word: who plays it
    {{player put Ready}}             the player, opened at a station or function; then perhaps what it stops
                                     at, as ``calls``, and which pane it shows first where it is narrow
    {{beside put}}                   the path on which etcd was recorded, and ours, as a table
    {{compared channels}}            what differs of the two, in all that etcd was recorded on, and why:
                                     ``functions``, ``channels``, ``hand-offs``; ``scores``: rows of a table

    {{counterparts files}}           which of etcd's files each of ours is like; ``facts``: in a sentence;
                                     ``alone``, ``packages``: like none; ``put``: etcd's that we lack

    {{program minietcdctl flags}}    what it can be told, as its parser has it; also ``usage``, ``commands`` …
    {{ran minietcd --no-such}}       what a program prints and ends with, run in a process
    {{answered put a b ; get a}}     what minietcdctl prints, asked so in turn on three members

Rows of tables, below a head that the page writes:

    {{cases Node.run}}               the cases of its select: way, channel, what sets it, what makes it nil
    {{steps STEP STEP_LEADER}}       tables of the code beside each other, by key; A+B share a column
    {{packages A B}}                 those from the layer of A to that of B: what each is, files, Go twins
    {{waits election n2}}            which channels were nil while node.run waited, and what came, how often
    {{applied crash n1}}             what each entry did that came to be applied, in each life of that member
    {{frames put}}                   what client and member wrote to each other, a frame of HTTP/2 a row
    {{counted member-promote n1}}    each time the leader counted who has the log: why, who votes, up to where
    {{polled cold-start}}            each vote that a candidate counted: when, who, whose, which, the result

    {{records put n1}}               the records in the last segment of its log, where and how long
    {{pairs put n1}}                 the pairs of its database that the story changed
    {{sent put n1}}                  what it sent to other members: when, what, through which queue

Bytes that a member left, taken apart; the request is the first of the scenario:

    {{bytes wal put n1}}             the record of its log that holds the request's entry; ``id``: its number
    {{call put client}}              all that the client wrote of its first call, to the last byte; or ``n1``
    {{bytes stream put n1 n2}}       the message by which n1 sent that entry to n2, as it stands on the stream
    {{pages put n1}}                 the pages of its database, and which of them the story wrote

Where a call is named, ``name=result`` is the first that returned that, as ``Raft.maybe_commit=True``, and
``name:word`` the first with this word in an argument, as ``Raft.step:MsgHeartbeat``.

Where a station or a journey first uses a word of the glossary, ``terms`` makes a link of it.

``code`` knows the names in the source, ``figures`` reads traces, ``tables`` asks both for rows; ``anatomy``
and ``database`` take bytes apart; ``book`` gives each of these its meaning.
"""
