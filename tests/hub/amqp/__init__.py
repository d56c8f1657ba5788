"""AMQP 1.0 on the wire: types, performatives, message sections and frames (OASIS standard, 2012)."""
