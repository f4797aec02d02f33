"""Every page of the console: a world in which each has something to show, and what all have."""

from html.parser import HTMLParser

from tests.review.scenes import jpeg, make_bank, make_entry, people, reviewed
from tidegate.service.openapi import guards
from tidegate.store import golden


def world(service, admin, reader, tmp_path):
    """Make one of everything; return the ids of the paths' parts, by name."""
    people(service)
    case = reviewed(service, admin, reader, tmp_path)
    make_bank(admin)
    entry = make_entry(service, reader, tmp_path, jpeg("rocket.jpg"))
    disabled = {"ids": [entry], "state": "disabled", "reason": "wrong"}
    admin.post("/v1/banks/press/entries/state", json=disabled)
    undo = admin.post(f"/v1/banks/press/entries/{entry}/undo", json={"reason": "wrong"})
    hook = {"name": "log", "kind": "webhook", "address": "https://platform.example/hook"}
    webhook = admin.post("/v1/webhooks", json=hook | {"events": ["item.decided"]})
    webhook = webhook.json()["webhook"]["id"]
    message = admin.post(f"/v1/webhooks/{webhook}/test", json={}).json()
    key = admin.post("/v1/keys", json={"name": "uploads", "scopes": ["items.write"]}).json()
    with service.store.write() as connection:
        new = golden.New(item=case.item, queue="review", action="remove", category="", note="known")
        known = golden.make(connection, new, actor="system", now=service.clock())
    return {
        "item": case.item,
        "case": case.id,
        "golden": known.id,
        "bank": "press",
        "entry": entry,
        "job": undo.json()["job"],
        "policy": admin.get("/v1/policies").json()["policies"][0]["id"],
        "webhook": webhook,
        "message": message["message"],
        "key": key["key"]["id"],
        "user": admin.get("/v1/users").json()["users"][0]["id"],
        "seq": "1",
        "name": "decisions",
    }


def pages(app, known):
    """Yield the guard and the address of every page of the console."""
    for (method, path), guard in guards(app).items():
        if method != "GET" or not path.startswith("/console") or path == "/console/events":
            continue
        parts = dict(known)
        if "/golden/" in path:
            parts["case"] = known["golden"]
        wanted = f"?item={known['item']}" if path.endswith("/golden/:new") else ""
        yield guard, path.format(**parts) + wanted


class Page(HTMLParser):
    """What is wrong with a page, whatever it shows."""

    def __init__(self, text):
        super().__init__()
        self.wrong = []
        self.headings = 0
        self._ids = set()
        self._labels = set()
        self._form = None
        self.feed(text)
        if self.headings != 1:
            self.wrong.append(f"{self.headings} headings <h1>")
        if missing := self._labels - self._ids:
            self.wrong.append(f"labels for nothing: {missing}")

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "style" or "style" in given:
            self.wrong.append(f"<{tag}> has style in the page")
        if tag == "script" and not given.get("src", "").startswith("/console/static/"):
            self.wrong.append("a script that is no file of ours")
        self.wrong += [f"<{tag} {name}>" for name in given if name.startswith("on")]
        self.headings += tag == "h1"
        if (identity := given.get("id")) is not None:
            if identity in self._ids:
                self.wrong.append(f"two are called {identity}")
            self._ids.add(identity)
        if tag == "label" and "for" in given:
            self._labels.add(given["for"])
        if tag == "form" and given.get("method", "get").lower() == "post":
            self._form = given
        if tag == "input" and given.get("name") == "csrf" and given.get("value"):
            self._form = None

    def handle_endtag(self, tag):
        if tag == "form" and self._form is not None:
            self.wrong.append(f"a form without its token: {self._form}")
            self._form = None
