"""What IAM would be asked about every call of Firebreak's functions, written down for `infra/least-privilege/check`.

The local AWS allows everything. This says who called, which actions on which resources IAM would have to allow for
that, and what it would know of the request: in IAM's words, not in those of the API. An operation that no module here
knows is written down as unknown, and the check fails: there are no silent gaps.
"""
