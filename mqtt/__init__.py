"""Speaking with the hub: what is said, how it gets there, and both ends of it.

what is said   topics, messages, resource (rows of rights), passes_list, discovery (for Home Assistant); access: who
               may say it, as Mosquitto's configuration
the line       address, tls, connection (the only user of paho), paho_alone
the device     device_link (its line to the hub), outbox (a cursor on the journal), fetch (events told again),
               commands (which orders may be done), jws
the hub        hub, view (its picture of a hall), gaps (what it lacks), troubles, day; orders, signing, errand (one
               order and its answers)
for people     words, alarms (what each means, and what to do), refusals (why an order was not done), page with
               dashboard/, feed, desk, operators; terminal
under load     load, packets
"""
