"""The wire: generated messages, their conversion, and the client side of the protocol."""
