"""The hotline: telephone calls by FastAGI, or by the webhooks of a cloud."""
