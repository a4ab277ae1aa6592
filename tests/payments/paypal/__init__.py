"""PayPal against a double that keeps to the official specifications."""
