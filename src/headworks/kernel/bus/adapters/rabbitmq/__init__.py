"""RabbitMQ: quorum queues, publisher confirms, dead letters that are not lost. The decision: docs/decisions/0018.

`address.py` says where it is, and needs no client; `bus.py` is the bus. `layout.py` says what is declared there, `link.py` keeps a
connection, `publisher.py` and `sources.py` use it.
"""
