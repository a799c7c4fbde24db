"""Values of SIP messages, and the messages we make ourselves."""
