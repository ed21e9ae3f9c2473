"""Send a refused body ten times on kept and on closed connections. Usage: … PORT PATH TOKEN [BYTES]"""

import collections
import http.client
import sys

port, path, token = int(sys.argv[1]), sys.argv[2], sys.argv[3]
size = int(sys.argv[4]) if len(sys.argv) > 4 else 8_000_000


def once(*, close: bool) -> object:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    if close:
        headers["Connection"] = "close"
    try:
        connection.request("POST", path, body=b" " * size, headers=headers)
        return connection.getresponse().status
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()


for close in (False, True):
    answers = collections.Counter(once(close=close) for _ in range(10))
    print("close" if close else "keep-alive", dict(answers))
