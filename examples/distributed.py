"""One search, several processes: a server that holds the record, and clients that train.

    python examples/distributed.py                        # server and two clients on this machine
    python examples/distributed.py join 127.0.0.1 8881    # one client more, of a server that runs already

The clients can be on other machines: give the server an address that they reach, and a token (docs/many-machines.md).
For processes on one machine that need no server, search(..., workers=2) is enough.
"""

import subprocess
import sys

from sanas_spaces import SANAS
from sanas_spaces.errors import SearchFinished
from sanas_spaces.evaluate import ImageClassification, load_dataset

CLIENTS = 2
CANDIDATES = 6
EPOCHS = 2
SPACE = [("MobileNetV2BlockSpace", {"block_mask": [1, 0, 1]})]


def serve(evaluator):
    """Begin a search, and start the clients; port 0 is one that is free."""
    server = SANAS(
        SPACE,
        server_addr=("127.0.0.1", 0),
        search_steps=CANDIDATES,
        constraints={"flops": 200e3},
        input_shape=evaluator.input_shape,
        save_checkpoint="runs/distributed",
        seed=0,
    )
    print(f"{server.server.url} shows how far the search is", flush=True)
    host, port = server.server_addr
    command = [sys.executable, __file__, "join", host, str(port)]
    clients = [subprocess.Popen(command) for _ in range(CLIENTS)]  # noqa: S603 - this very script
    for client in clients:
        client.wait()
    best = server.current_info()
    server.close()
    print(f"best   {best['best_tokens']}  accuracy {best['best_reward']:.3f}")


def join(evaluator, host, port):
    """Train candidates until the search is over."""
    client = SANAS(SPACE, server_addr=(host, int(port)), is_server=False, input_shape=evaluator.input_shape)
    done = 0
    try:
        while True:
            archs = client.next_archs()
            accuracy = evaluator(archs)
            client.reward(accuracy)
            done += 1
            number, tokens = client.current.number, client.current.tokens
            print(f"candidate {number}  tokens {tokens}  accuracy {accuracy:.3f}", flush=True)
    except SearchFinished:
        print(f"a client has evaluated {done} candidates and ends", flush=True)


def main():
    evaluator = ImageClassification(load_dataset("digits"), epochs=EPOCHS)
    if sys.argv[1:2] == ["join"]:
        join(evaluator, *sys.argv[2:])
    else:
        serve(evaluator)


if __name__ == "__main__":
    main()
