"""Doors that are no pages: messages out, and the telephone, SMS and USSD in as they come."""
