"""USSD: menus on any phone's screen, brought by gateways that speak CON/END over HTTP."""
