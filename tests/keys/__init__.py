"""Every key that a document may have, each with the effect that a user notices (`docs/keys.md`)."""
