"""What PaddleSlim's published tests, API examples and demos for static NAS do, written anew.

Each function takes ``lib``, whose ``nas``, ``early_stop``, ``analysis`` and ``controller_client`` are the modules of
PaddleSlim or of this library, as if only the import lines of a script were changed. It raises if something is not as it
should be.
"""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..paddleslim.scripts import free_port

Lib = SimpleNamespace
Script = Callable[[Lib], None]

SCRIPTS: dict[str, Script] = {}
NOT_UNDER_PIR: dict[str, str] = {}
"""Scripts that call what Paddle removed under PIR, and what that is."""

BLOCK = [("MobileNetV2BlockSpace", {"block_mask": [0]})]
EXPANSIONS = REPEATS = (1, 2, 3, 4, 5, 6)
CHANNELS = (3, 4, 8, 12, 16, 24, 32, 48, 64, 80, 96, 128, 144, 160, 192, 224, 256, 320, 384, 512)


def script(name: str, removed: str = "") -> Callable[[Script], Script]:
    """Add a script under its published name."""

    def add(function: Script) -> Script:
        SCRIPTS[name] = function
        if removed:
            NOT_UNDER_PIR[name] = removed
        return function

    return add


def address() -> tuple[str, int]:
    """An address that no server uses."""
    return "127.0.0.1", free_port()


def build(archs: Any, *extra: Any) -> Any:
    """A program with the architectures one after the other on 32x32 images."""
    import paddle

    program = paddle.static.Program()
    with paddle.static.program_guard(program, paddle.static.Program()):
        x = paddle.static.data("input", [None, 3, 32, 32], "float32")
        for arch in archs:
            x = arch(x, *extra)
    return program


def widths(program: Any) -> list[int]:
    """Output channels of the convolutions, in the order in which the program lists them."""
    found = {p.name: int(p.shape[0]) for p in program.global_block().all_parameters() if len(p.shape) == 4}
    return list(found.values())


def check_block(program: Any, tokens: list[int]) -> None:
    """The convolutions of the one block are those that the tokens pick."""
    inputs, expected = 32, []
    for _ in range(REPEATS[tokens[2]]):
        expected += [inputs * EXPANSIONS[tokens[0]]] * 2 + [CHANNELS[tokens[1]]]
        inputs = CHANNELS[tokens[1]]
    assert widths(program) == expected, (tokens, widths(program), expected)


@script("tests/test_sa_nas.py")
def sa_nas(lib: Lib) -> None:
    sanas = lib.nas.SANAS(configs=BLOCK, server_addr=address(), save_checkpoint=None)
    check_block(build(sanas.next_archs()), sanas.current_info()["current_tokens"])
    assert sanas.reward(1.0)
    tokens = sanas.current_info()["current_tokens"]
    check_block(build(sanas.tokens2arch(tokens)), tokens)
    assert isinstance(sanas.current_info(), dict)


def _client(lib: Lib, host: str, port: int) -> None:
    """What the client process of the next scripts does."""
    sanas = lib.nas.SANAS(configs=BLOCK, server_addr=(host, port), save_checkpoint=None, is_server=False)
    for _ in range(2):
        (arch,) = sanas.next_archs()
        assert callable(arch)
        time.sleep(0.2)
        sanas.reward(0.1)


def _connect(lib: Lib, wait: float) -> None:
    """A client in a process of its own, by the name of this machine, and a server that comes later."""
    host = socket.gethostbyname(socket.gethostname())
    port = free_port()
    client = multiprocessing.get_context("fork").Process(target=_client, args=(lib, host, port))
    client.start()
    time.sleep(wait)
    sanas = lib.nas.SANAS(configs=BLOCK, server_addr=("", port), save_checkpoint=None)
    assert len(sanas.next_archs()) == 1
    client.join(150)
    assert client.exitcode == 0


@script("tests/test_client_connect.py: TestClientConnect")
def client_connect(lib: Lib) -> None:
    _connect(lib, wait=0)


@script("tests/test_client_connect.py: TestClientConnectCase1")
def client_waits(lib: Lib) -> None:
    _connect(lib, wait=12)  # 60 s in the original


@script("tests/test_client_connect.py: TestClientConnectCase2")
def client_without_server(lib: Lib) -> None:
    host = socket.gethostbyname(socket.gethostname())
    lib.controller_client.ControllerClient(host, free_port()).request_current_info()


def _add_search_spaces() -> None:
    """One script per space, each with sizes, which whole networks do not use."""

    def space_script(name: str) -> Script:
        def build_one(lib: Lib) -> None:
            config = [(name, {"input_size": 32, "output_size": 8, "block_num": 2})]
            sanas = lib.nas.SANAS(configs=config, server_addr=address(), save_checkpoint=None)
            assert widths(build(sanas.next_archs()))

        return build_one

    for name in ("InceptionABlockSpace", "MobileNetV1Space", "MobileNetV2Space", "ResNetSpace", "ResNetBlockSpace",
                 "MobileNetV1BlockSpace"):  # fmt: skip
        SCRIPTS[f"tests/test_seach_space.py: {name}"] = space_script(name)


_add_search_spaces()


@script("tests/test_seach_space.py: DartsSpace")
def darts_space(lib: Lib) -> None:
    import paddle

    sanas = lib.nas.SANAS(configs=["DartsSpace"], server_addr=address(), save_checkpoint=None)
    program = paddle.static.Program()
    with paddle.static.program_guard(program, paddle.static.Program()):
        image = paddle.static.data("input", [None, 3, 32, 32], "float32")
        probability = paddle.static.data("drop_path_prob", [None, 1], "float32")
        mask = paddle.static.data("drop_path_mask", [None, 20, 4, 2], "float32")
        (arch,) = sanas.next_archs()
        logits, auxiliary = arch(image, probability, mask, True, 10)
    assert tuple(logits.shape)[1:] == tuple(auxiliary.shape)[1:] == (10,)


def rlnas(lib: Lib, **settings: Any) -> Any:
    """A small controller, as the test and the examples have it."""
    arguments = {"controller_batch_size": 1, "lstm_num_layers": 1, "hidden_size": 10, "temperature": 1.0}
    return lib.nas.RLNAS(
        key="lstm", configs=BLOCK, server_addr=address(), is_sync=False, save_controller=False, **arguments, **settings
    )


@script("tests/test_rl_nas.py")
def rl_nas(lib: Lib) -> None:
    controller = rlnas(lib)
    archs = controller.next_archs(1)[0]
    check_block(build(archs), controller.tokens[0])
    assert controller.reward(1.0)
    check_block(build(controller.tokens2arch(controller.tokens[0])), controller.tokens[0])
    check_block(build(controller.final_archs(1)[0]), controller.tokens[0])


@script("tests/test_gp_nas.py")
def gp_nas(lib: Lib) -> None:
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 4, size=(200, 16))
    results = 90 + tokens @ rng.normal(size=16) + 0.1 * rng.normal(size=200)
    for flags in ((1, 1), (2, 2)):
        model = lib.nas.GPNAS(*flags)
        model.get_initial_mean(tokens[:100], results[:100])
        model.get_initial_cov(tokens[:100])
        rough = np.asarray(results[150:, None] - model.get_predict(tokens[150:]))
        model.get_posterior_mean(tokens[100:125], results[100:125])
        model.get_posterior_mean(tokens[125:150], results[125:150])
        model.get_posterior_cov(tokens[125:150], results[125:150])
        joint = np.asarray(
            results[150:, None] - model.get_predict_jiont(tokens[150:], tokens[100:150], results[100:150])
        )
        assert np.sqrt(np.mean(joint**2)) < 2 * np.sqrt(np.mean(rough**2)) < 2


@script("tests/test_earlystop.py")
def early_stop(lib: Lib) -> None:
    sanas = lib.nas.SANAS(["MobileNetV2Space"], server_addr=address(), save_checkpoint=None)
    rule = lib.early_stop.MedianStop(sanas, 2)
    assert [rule.get_status(0, 1.0, 5) for _ in range(5)] == ["GOOD"] * 5
    assert [rule.get_status(1, 0.5, 5) for _ in range(3)] == ["GOOD", "BAD", "BAD"]


@script("tests/test_flops.py", removed="paddle.static.nn.conv2d")
def static_flops(lib: Lib) -> None:
    import paddle

    def layer(x: Any, stride: int) -> Any:
        x = paddle.static.nn.conv2d(x, 8, 3, stride=stride, padding=1, bias_attr=False)
        return paddle.static.nn.batch_norm(x, act="relu")

    program = paddle.static.Program()
    with paddle.static.program_guard(program, paddle.static.Program()):
        first = layer(paddle.static.data("image", [None, 3, 16, 16], "float32"), 1)
        layer(first + layer(first, 1), 2)
    assert lib.analysis.flops(program) == 256 * 8 * 27 + 256 * 8 * 72 + 64 * 8 * 72


@script("tests/dygraph/test_flops.py")
def layer_flops(lib: Lib) -> None:
    import paddle
    from paddle import nn

    paddle.disable_static()
    layer = nn.Sequential(nn.Conv2D(3, 4, 3, padding=1, bias_attr=False), nn.ReLU(), nn.AdaptiveAvgPool2D(1),
                          nn.Flatten(), nn.Linear(4, 5))  # fmt: skip
    expected = 64 * 4 * 27 + 4 * 5
    assert lib.analysis.flops(layer, [1, 3, 8, 8]) == expected
    assert lib.analysis.flops(layer, [[1, 3, 8, 8]], only_conv=False) >= expected + 4 * 64


EXAMPLE = [("MobileNetV2Space")]


def example(name: str, expected: Callable[[Lib, Any], None], search: Callable[[Lib], Any]) -> None:
    """Add an example of the NAS API page: what it makes, and what it then calls."""
    SCRIPTS[f"NAS API page: {name}"] = lambda lib: expected(lib, search(lib))


def sanas_of_the_page(lib: Lib) -> Any:
    return lib.nas.SANAS(configs=EXAMPLE, server_addr=address(), save_checkpoint=None)


def _next_archs(lib: Lib, sanas: Any) -> None:
    assert widths(build(sanas.next_archs()))


def _reward(lib: Lib, sanas: Any) -> None:
    sanas.next_archs()
    assert sanas.reward(0.5)


def _tokens2arch(lib: Lib, sanas: Any) -> None:
    assert widths(build(sanas.tokens2arch([0] * 25)))


def _current_info(lib: Lib, sanas: Any) -> None:
    sanas.next_archs()
    assert {"best_tokens", "best_reward", "current_tokens"} <= set(sanas.current_info())


def _rl_next_archs(lib: Lib, controller: Any) -> None:
    assert widths(build(controller.next_archs(1)[0]))


def _rl_reward(lib: Lib, controller: Any) -> None:
    controller.next_archs(1)
    assert controller.reward(1.0)


def _rl_final_archs(lib: Lib, controller: Any) -> None:
    assert widths(build(controller.final_archs(1)[0]))


def _rl_tokens2arch(lib: Lib, controller: Any) -> None:
    assert widths(build(controller.tokens2arch([0, 0, 0, 0])))


example("SANAS", lambda lib, sanas: None, sanas_of_the_page)
example("SANAS.next_archs", _next_archs, sanas_of_the_page)
example("SANAS.reward", _reward, sanas_of_the_page)
example("SANAS.tokens2arch", _tokens2arch, sanas_of_the_page)
example("SANAS.current_info", _current_info, sanas_of_the_page)
example("RLNAS", lambda lib, controller: None, rlnas)
example("RLNAS.next_archs", _rl_next_archs, rlnas)
example("RLNAS.reward", _rl_reward, rlnas)
example("RLNAS.final_archs", _rl_final_archs, rlnas)
example("RLNAS.tokens2arch", _rl_tokens2arch, rlnas)


def _train(archs: Any, feed: dict[str, Any], logits_of: Callable[[Any, bool], tuple[Any, Any]]) -> float:
    """Train two steps and return the accuracy of the cloned program, as the demos do."""
    import paddle
    from paddle.nn import functional as F

    program, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(program, startup):
        image = paddle.static.data("data", [None, 3, 32, 32], "float32")
        label = paddle.static.data("label", [None, 1], "int64")
        logits, auxiliary = logits_of(image, True)
        loss = paddle.mean(F.cross_entropy(F.softmax(logits), label))
        if auxiliary is not None:
            loss = loss + 0.4 * paddle.mean(F.softmax_with_cross_entropy(auxiliary, label))
        accuracy = paddle.static.accuracy(F.softmax(logits), label)
        test = program.clone(for_test=True)
        paddle.optimizer.Momentum(0.01).minimize(loss)
    executor = paddle.static.Executor(paddle.CPUPlace())
    with paddle.static.scope_guard(paddle.static.Scope()):
        executor.run(startup)
        for _ in range(2):
            (value,) = executor.run(program, feed=feed, fetch_list=[loss])
            assert np.isfinite(value)
        (found,) = executor.run(test, feed=feed, fetch_list=[accuracy])
    return float(found)


def images(**more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"data": rng.normal(size=(8, 3, 32, 32)).astype("float32"), "label": np.arange(8)[:, None] % 10, **more}


def _demo(lib: Lib, config: list[Any], block: bool) -> None:
    """Search for a network below a limit of FLOPs, with candidates trained on images."""
    import paddle

    sanas = lib.nas.SANAS(config, server_addr=address(), search_steps=2, save_checkpoint=None)
    for _ in range(2):
        archs = sanas.next_archs()
        if lib.analysis.flops(build(archs)) > 6e8:
            continue

        def logits_of(image: Any, training: bool, archs: Any = archs) -> tuple[Any, Any]:
            x = image
            for arch in archs:
                x = arch(x)
            if block:
                x = paddle.nn.functional.adaptive_avg_pool2d(x[0], 1)
            return paddle.static.nn.fc(x, 10), None

        assert sanas.reward(_train(archs, images(), logits_of))


CLONE = "Program.clone(for_test=True)"


@script("demo/nas/sa_nas_mobilenetv2.py", removed=CLONE)
def sa_nas_demo(lib: Lib) -> None:
    _demo(lib, [("MobileNetV2Space", {"input_size": 32, "output_size": 1, "block_num": 3, "block_mask": None})], False)


@script("demo/nas/block_sa_nas_mobilenetv2.py", removed=CLONE)
def block_demo(lib: Lib) -> None:
    _demo(lib, [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})], True)


@script("demo/nas/rl_nas_mobilenetv2.py", removed=CLONE)
def rl_demo(lib: Lib) -> None:
    import paddle

    controller = lib.nas.RLNAS(
        key="lstm", configs=[("MobileNetV2Space")], is_sync=False, server_addr=address(), controller_batch_size=1,
        controller_decay_steps=1000, controller_decay_rate=0.8, lstm_num_layers=1, hidden_size=10, temperature=1.0,
    )  # fmt: skip
    for _ in range(2):
        arch = controller.next_archs(1)[0][0]

        def logits_of(image: Any, training: bool, arch: Any = arch) -> tuple[Any, Any]:
            return paddle.static.nn.fc(arch(image), 10), None

        assert controller.reward(np.float32(_train([arch], images(), logits_of)))


@script("demo/nas/sanas_darts_space.py", removed=CLONE)
def darts_demo(lib: Lib) -> None:
    import paddle

    sanas = lib.nas.SANAS([("DartsSpace")], server_addr=address(), search_steps=1, save_checkpoint=None)
    (arch,) = sanas.next_archs()

    def logits_of(image: Any, training: bool) -> tuple[Any, Any]:
        probability = paddle.static.data("drop_path_prob", [8, 1], "float32")
        mask = paddle.static.data("drop_path_mask", [8, 20, 4, 2], "float32")
        logits, auxiliary = arch(image, probability, mask, training, 10)
        return logits, auxiliary

    probability = np.full((8, 1), 0.1, "float32")
    mask = np.ones((8, 20, 4, 2), "float32")
    assert sanas.reward(_train([arch], images(drop_path_prob=probability, drop_path_mask=mask), logits_of))
