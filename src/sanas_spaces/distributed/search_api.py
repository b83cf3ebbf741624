"""The HTTP interface of a search: candidates and rewards."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .app import Api, client_in, number_in, reply, route
from .messages import MAX_REASON, client_name, number, reward, text, tokens, whole
from .service import PAUSE_SECONDS, SearchService


def search_routes(api: Api, service: SearchService) -> list[Route]:
    """Routes of a search."""

    async def next_candidate(request: Request) -> Response:
        given = await api.read(request, {"client": client_name}, {"request": client_name})
        found = await api.do(lambda: service.next(given["client"], given["request"]))
        if found is None:
            return reply({"waiting": True, "retry_after": PAUSE_SECONDS}, 202)
        return reply(found)

    async def candidate(request: Request) -> Response:
        place = number_in(request)
        return reply(await api.do(lambda: service.candidate(place)))

    async def give_reward(request: Request) -> Response:
        place = number_in(request)
        given = await api.read(request, {"client": client_name, "reward": reward}, {"tokens": tokens})
        return reply(await api.do(lambda: service.reward(place, given["client"], given["reward"], given["tokens"])))

    async def give_failure(request: Request) -> Response:
        place = number_in(request)
        given = await api.read(request, {"client": client_name, "reason": text(MAX_REASON)}, {"tokens": tokens})
        return reply(await api.do(lambda: service.failure(place, given["client"], given["reason"], given["tokens"])))

    async def give_score(request: Request) -> Response:
        place = number_in(request)
        given = await api.read(request, {"client": client_name, "step": whole(0), "score": number})
        return reply(await api.do(lambda: service.score(place, given["client"], given["step"], given["score"])))

    async def prune(request: Request) -> Response:
        place = number_in(request)
        given = await api.read(request, {"client": client_name})
        return reply(await api.do(lambda: service.prune(place, given["client"])))

    async def heartbeat(request: Request) -> Response:
        place = number_in(request)
        given = await api.read(request, {"client": client_name})
        return reply(await api.do(lambda: service.heartbeat(place, given["client"])))

    async def info(request: Request) -> Response:
        client = client_in(request)
        return reply(await api.do(lambda: service.info(client)))

    one = "/v1/candidates/{number}"
    return [
        route("/v1/candidates", next_candidate, "POST"),
        route(one, candidate),
        route(f"{one}/reward", give_reward, "POST"),
        route(f"{one}/failure", give_failure, "POST"),
        route(f"{one}/score", give_score, "POST"),
        route(f"{one}/pruned", prune, "POST"),
        route(f"{one}/heartbeat", heartbeat, "POST"),
        route("/v1/info", info),
    ]
