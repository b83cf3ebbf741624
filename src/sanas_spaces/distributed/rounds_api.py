"""The HTTP interface of a policy that clients share."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .app import Api, reply, route
from .messages import RequestError, client_name, list_of, number, tokens, whole
from .rounds import MAX_BATCH, RoundsService


def rounds_routes(api: Api, service: RoundsService) -> list[Route]:
    """Routes of a policy."""

    async def next_batch(request: Request) -> Response:
        given = await api.read(request, {"client": client_name, "count": whole(1, MAX_BATCH)}, {"request": client_name})
        return reply(await api.do(lambda: service.next(given["client"], given["count"], given["request"])))

    async def give_rewards(request: Request) -> Response:
        name = request.path_params["name"]
        if not (len(name) == 32 and set(name) <= set("0123456789abcdef")):
            raise RequestError(404, f"there is no batch {name[:40]!r}", "NoBatch")
        fields = {"client": client_name, "rewards": list_of(number)}
        given = await api.read(request, fields, {"tokens": list_of(tokens)})
        return reply(await api.do(lambda: service.reward(name, given["client"], given["rewards"], given["tokens"])))

    async def final(request: Request) -> Response:
        given = await api.read(request, {"client": client_name, "count": whole(1, MAX_BATCH)})
        return reply(await api.do(lambda: service.final(given["client"], given["count"])))

    async def leave(request: Request) -> Response:
        given = await api.read(request, {"client": client_name})
        return reply(await api.do(lambda: service.leave(given["client"])))

    async def heartbeat(request: Request) -> Response:
        given = await api.read(request, {"client": client_name})
        return reply(await api.do(lambda: service.heartbeat(given["client"])))

    return [
        route("/v1/batches", next_batch, "POST"),
        route("/v1/batches/{name}/reward", give_rewards, "POST"),
        route("/v1/final", final, "POST"),
        route("/v1/leave", leave, "POST"),
        route("/v1/heartbeat", heartbeat, "POST"),
    ]
