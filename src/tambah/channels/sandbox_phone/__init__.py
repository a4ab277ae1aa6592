"""A phone on the screen, for demos: the real hotline and the real USSD menus, without a telephone.

Demo databases only: whoever opens it may call as any made-up line.
"""
