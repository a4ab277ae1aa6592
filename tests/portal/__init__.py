"""The portal, in process."""
