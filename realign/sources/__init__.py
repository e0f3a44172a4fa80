"""Where inputs come from when the user has none: a study that is begun, and public data for it."""
