"""A server that answers over HTTP: `server.py` starts it, `app.py` has its addresses, `crew.py` computes."""
