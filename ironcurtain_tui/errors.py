"""The kind of error that is meant for the person in front of the screen."""


class UserFacingError(Exception):
    """Something the person can understand and mend.

    ``message`` says what is wrong and where; ``remedy`` says what to do about it, in the
    imperative ("Run `ironcurtain-tui doctor`"). Neither may contain a secret: both are printed
    and logged as they are.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class UsageError(UserFacingError):
    """The command line asks for something that makes no sense, wherever it is run: exit code 2."""


def goes_on(session: str) -> str:
    """What to tell whoever turns away from a session that has been started."""
    open_it, end_it = f"ironcurtain-tui attach {session}", f"ironcurtain-tui stop {session}"
    return f"Session {session} goes on. Open it: {open_it}; end it: {end_it}\n"
