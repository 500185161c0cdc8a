"""How RT says no: a status and `{"message": "..."}`."""


class RtError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def not_found() -> RtError:
    return RtError(404, "Not Found")


def bad_request(message: str) -> RtError:
    return RtError(400, message)
