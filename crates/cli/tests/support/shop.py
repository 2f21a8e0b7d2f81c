# The application of tests about releases: answers each path with its version and the path, and keeps each path in the file `SEEN`. It takes the
# socket that it is given, or binds `PORT`. On SIGTERM it accepts no more, says goodbye to its WebSockets, and ends when all are answered. What else
# it does stands in the file `does`.
import base64, hashlib, os, select, signal, socket, struct, sys, threading, time

version, does = open("version").read().strip(), open("does").read().strip()
if does == "crash":
    sys.exit(print("no database: I give up", file=sys.stderr, flush=True) or 7)
own = ("127.0.0.1", int(os.environ.get("PORT", 0)))
listener = socket.socket(fileno=3) if "LISTEN_FDS" in os.environ else socket.create_server(own, backlog=100)
listener.setblocking(False)
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
seen = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
begun, held = time.monotonic(), []
print("version", version, "listens", flush=True)
if does == "noisy":
    for number in range(10): print("ERROR: order", number, "is lost", file=sys.stderr, flush=True)


def leak():
    while True:
        try:
            stream = socket.create_connection(("127.0.0.1", int(os.environ["PGPORT_OF_TEST"])))
            body = struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0"
            stream.sendall(struct.pack("!i", len(body) + 4) + body)
            held.append(stream)
        except OSError: pass
        time.sleep(0.02)


def answer(stream):
    with stream:
        stream.settimeout(20)
        head = b""
        while b"\r\n\r\n" not in head:
            more = stream.recv(4096)
            if not more: return
            head += more
        path = head.split(b" ")[1].decode()
        if path == "/health":
            return page(stream, path, "503 Not yet" if does == "never" else "200 OK")
        os.write(seen, (path + "\n").encode())
        if path.startswith("/download/"): return download(stream, *path.split("/")[2:5])
        if path == "/ws": return talk(stream, head)
        if path.startswith("/slow"): time.sleep(1)
        page(stream, path, "500 Oops" if does == "smoke" else "200 OK")


def page(stream, path, status):
    body = " ".join(filter(None, [version, os.environ.get("GREETING"), path]))
    stream.sendall(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


# `/download/PIECES/SECONDS/HOW`: pieces of 64 KiB whose bytes are all the number of the piece, spread over the time; `chunked`, or with their length.
def download(stream, pieces, seconds, how):
    length = "Transfer-Encoding: chunked" if how == "chunked" else f"Content-Length: {int(pieces) * 65536}"
    stream.sendall(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{length}\r\n\r\n".encode())
    for number in range(int(pieces)):
        piece = bytes([number % 256]) * 65536
        stream.sendall(b"10000\r\n" + piece + b"\r\n" if how == "chunked" else piece)
        time.sleep(float(seconds) / int(pieces))
    if how == "chunked": stream.sendall(b"0\r\n\r\n")


# RFC 6455: answers each text with the version and the text, until either side says goodbye; one that `keeps` never does.
def talk(stream, head):
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
    key = next(value for name, value in fields.items() if name.lower() == "sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    stream.sendall(f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())

    def exactly(size):
        data = b""
        while len(data) < size:
            more = stream.recv(size - len(data))
            if not more: raise EOFError
            data += more
        return data

    try:
        while True:
            if stop.is_set() and does != "keeps": return stream.sendall(b"\x88\x02" + struct.pack("!H", 1001))
            if not select.select([stream], [], [], 0.02)[0]: continue
            kind, size = exactly(2)
            mask = exactly(4)
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(exactly(size & 127)))
            if kind & 15 == 8: return stream.sendall(b"\x88" + bytes([len(data)]) + data)
            text = (version + " ").encode() + data
            stream.sendall(b"\x81" + bytes([len(text)]) + text)
    except (EOFError, OSError): pass


if does == "leak": threading.Thread(target=leak, daemon=True).start()
threads = []
while not stop.is_set():
    if does == "later" and time.monotonic() > begun + 4:
        print("panic: out of luck", file=sys.stderr, flush=True); os._exit(9)
    if not select.select([listener], [], [], 0.02)[0]: continue
    try: stream, _ = listener.accept()
    except BlockingIOError: continue
    stream.setblocking(True)
    thread = threading.Thread(target=answer, args=(stream,))
    thread.start()
    threads = [it for it in threads if it.is_alive()] + [thread]
listener.close()
for thread in threads: thread.join()
