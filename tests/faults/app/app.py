# A small app whose release can be told to misbehave: the file `behaviour` beside it holds one of the words below.
import os
import signal
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read().strip()


VERSION, BEHAVIOUR = read("version"), read("behaviour")


def is_healthy():
    if BEHAVIOUR == "sick":
        return False
    # Well when it is looked at before the switch, and no longer once visitors have come.
    if BEHAVIOUR == "sours":
        return not Answer.visited
    if os.environ.get("HEALTH_NEEDS") == "database":
        try:
            socket.create_connection((os.environ["DB_HOST"], int(os.environ["DB_PORT"])), timeout=1).close()
        except OSError as error:
            print(f"no database: {error}", flush=True)
            return False
    return True


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    visited = False

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/healthz":
            if is_healthy():
                self.answer(200, "well")
                if BEHAVIOUR == "flaps":
                    threading.Timer(0.15, end).start()
            else:
                print("not well, on purpose", flush=True)
                self.answer(503, "not well")
            return
        Answer.visited = True
        self.answer(200, VERSION)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def address_string(self):
        return "nginx"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def stop(server):
    # What is being answered is answered to its end.
    server.shutdown()
    time.sleep(0.3)
    os._exit(0)


def end():
    # Well whenever it is asked, and gone before it is asked often enough.
    print("ends after it was well, on purpose", flush=True)
    os._exit(1)


if BEHAVIOUR == "ends":
    sys.exit("ends at once, on purpose")
if BEHAVIOUR == "slow":
    time.sleep(4)
path = os.environ["LISTEN_SOCKET"]
if os.path.exists(path):
    os.unlink(path)
server = Server(path, Answer)
os.chmod(path, 0o666)
if BEHAVIOUR == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop, args=(server,)).start())
server.serve_forever()
