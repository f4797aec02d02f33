"""Ask an application without a server. Starlette's own client wants a package we do not have."""

import asyncio
from typing import Any

import httpx
from starlette.types import ASGIApp


class Client:
    """One request at a time; an error inside is answered, not raised."""

    def __init__(self, app: ASGIApp) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            base = "http://tidegate.example"
            async with httpx.AsyncClient(transport=self._transport, base_url=base) as client:
                return await client.request(method, path, **rest)

        return asyncio.run(ask())

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.request("GET", path, **rest)

    def post(self, path: str, **rest: Any) -> httpx.Response:
        return self.request("POST", path, **rest)
