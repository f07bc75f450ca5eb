"""The live page: static files, no build step, nothing from outside. Served by `mqtt/page.py`."""
