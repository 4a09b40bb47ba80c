"""What the lessor refuses; texts as etcd's.

    LeaseError
    ├─ LeaseNotFoundError       no lease of this id
    ├─ LeaseExistsError         the id is taken
    └─ LeaseTTLTooLargeError    longer than 9,000,000,000 s

Go: lease/lessor.go
"""

from __future__ import annotations


class LeaseError(Exception):
    """Base of what the lessor refuses."""

    text = ""

    def __init__(self) -> None:
        super().__init__(self.text)


class LeaseNotFoundError(LeaseError):
    """etcd's ``ErrLeaseNotFound``."""

    text = "lease not found"


class LeaseExistsError(LeaseError):
    """etcd's ``ErrLeaseExists``."""

    text = "lease already exists"


class LeaseTTLTooLargeError(LeaseError):
    """etcd's ``ErrLeaseTTLTooLarge``."""

    text = "too large lease TTL"
