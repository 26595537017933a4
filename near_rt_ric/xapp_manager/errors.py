"""What can be wrong with a request to the xApp manager, in one hierarchy."""

from __future__ import annotations


class ManagerError(Exception):
    """Any error of the manager; the message names field and way out."""


class DescriptorError(ManagerError):
    """A deployment cannot run here as described: `field` says what of it."""

    def __init__(self, field: str, message: str) -> None:
        """`message` says what is wrong and what is required."""
        super().__init__(f"{field}: {message}")
        self.field = field


class UnknownXAppError(ManagerError):
    """Nothing of this name was deployed."""


class ConflictError(ManagerError):
    """The request does not fit what is running now."""


class UpgradeFailedError(ManagerError):
    """The new version does not register; the one before runs again."""


class NotReadyError(ManagerError):
    """The manager is starting, or its store cannot be used now."""
