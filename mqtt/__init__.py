"""Speaking with the hub: topics, messages, the outbox, the link (the only paho), commands, the hub's view, the page."""
