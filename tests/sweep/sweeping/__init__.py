"""Callers of every operation: what they send (`variants`), how (`asking`, `client`), and what is compared.

Nothing here knows how the gateway works; what has to arrive is the oracle's to say.
"""
