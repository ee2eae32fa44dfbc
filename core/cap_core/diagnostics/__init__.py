"""What there is to report about a document: codes, severities, places, remedies.

Imports errors only."""
