"""Judgement, pure: an event and its moment in; orders, records and the next wake-up out. No clock, no I/O, no chance.

Begin at `controller`, whose table hands each event to the file that knows it; `turn` is all such a file may read and do.

    what is said     moment, events (in), actions (orders out), records (for the hub), alarms (which stand
                     now), facts (what a code proved)
    what is kept     state (the whole memory), lane (the gate's state table), resource (one limit), incident_state,
                     round_state, air_state, supply_state; bounds (what is forgotten first)
    a turn           controller, turn, start (a restart), commands (orders of the hub), rulebooks (which one is in force),
                     rulebook_end, schedule, idle (a sign with nothing else to say), updating, versions
    what a code      passes: base45, cose, cbor, booking_pass, health, claims, validity, refusal; who may sign: jwk, x5c,
    proves           trust_list; what the hub said of it: roster, revocations; who it is, without a name: pseudonym
    who stands       entry (a code was read), visits, judgement (asks `firmware/rules`), evidence, guide, unasked, arrivals,
    at the gate      quotas, access, hosts, assisted, attest, attendant, responders, held, other_doors
    what is seen     sentinel, thermometer, series, queue (the two-metre line), leaf, air, ventilation, supplies
    what is to be    rounds, closing (the walk through the hall before the count begins at zero)
    walked
    the way through  passage (permit = passage), approach (an exit that nobody has to ask), car (of a lift), places
    above all rules  emergency and deaf (nobody is held in), incident (the isolation chain)
    the hall's       occupancy (the protocol, explored by `tests/core/model.py`), limit (rows and gifts), bank (mints and
    limit            burns), estimate (how many are inside), undercount (more out than in)
    for other rooms  quiet (may the software go for a minute?), bucket (so many at once, so many a second)
"""
