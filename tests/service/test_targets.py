import datetime
import json
import ssl
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_address, ip_network
from pathlib import Path

import jsonschema
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.service.mailbox import Mailbox
from tests.service.origin import Origin, answer
from tests.store.making import NOW
from tidegate.schemas import text as schema
from tidegate.service import outward, wording
from tidegate.service.envelope import (
    Alarm,
    Appeal,
    Decision,
    Entry,
    Envelope,
    Item,
    Message,
    Reason,
)
from tidegate.service.outward import Outward
from tidegate.service.secret import Secret
from tidegate.service.settings import SettingError
from tidegate.service.signing import HEADER, SigningKey, verify
from tidegate.service.targets import Courier, Target
from tidegate.store.clock import SECOND

GOLDEN = Path(__file__).parent / "golden"
URL = "https://tidegate.example"
KEY, OLD = SigningKey("k2", Secret("tgw_second")), SigningKey("k1", Secret("tgw_first"))

ITEM = Item(
    id="0199c0de-0000-7000-8000-000000000003",
    external_id="post-12/picture-1",
    surface="avatar",
    sha256="ab" * 32,
    metadata={"thread": 7},
)
REASONS = tuple(
    Reason(rule=f"banks.press.{number}", text=text, action="remove", category="known.other")
    for number, text in enumerate(
        ("is entry e1 of bank press, at distance 3 (31 are allowed)", "two", "three", "four")
    )
)
DECISION = Decision(
    id="0199c0de-0000-7000-8000-000000000004",
    action="remove",
    judged=True,
    by="machine",
    policy="default/1",
    reasons=REASONS[:1],
)
AT = "2026-11-23T08:30:00.000000+00:00"
APPEAL = Appeal(
    id="0199c0de-0000-7000-8000-000000000005",
    state="open",
    decision=DECISION.id,
    due_at="2026-11-30T08:30:00.000000+00:00",
)


def message(event, number=1, **fields):
    return Message(id=f"0199c0de-0000-7000-8000-{number:012}", event=event, at=AT, **fields)


MESSAGES = {
    "decided": message("item.decided", item=ITEM, decision=DECISION, sequence=1),
    "reversed": message(
        "item.reversed",
        item=ITEM,
        decision=msgspec.structs.replace(
            DECISION, action="allow", before="remove", by="reviewer", reasons=(), labels=("art",)
        ),
        sequence=2,
    ),
    "unknown": message(
        "item.decided",
        item=Item(id=ITEM.id),
        decision=msgspec.structs.replace(
            DECISION, action="review", judged=False, queues=("unknown",), reasons=REASONS
        ),
        sequence=1,
    ),
    "failed": message("item.failed", item=ITEM, error="OSError: no space left", sequence=1),
    "alarm": message(
        "alarm.raised",
        item=ITEM,
        decision=DECISION,
        alarm=Alarm(name="spike", rules=("breakers.removals", "rules.night")),
        sequence=3,
    ),
    "appealed": message("appeal.opened", item=ITEM, decision=DECISION, appeal=APPEAL, sequence=2),
    "answered": message(
        "appeal.decided",
        item=ITEM,
        decision=msgspec.structs.replace(DECISION, action="allow", by="reviewer", reasons=()),
        appeal=msgspec.structs.replace(APPEAL, state="reversed", answer="You are right."),
        sequence=4,
    ),
    "added": message(
        "bank.entry.added",
        entry=Entry(bank="press", id="e1", state="active", by="user:ada", revision=12),
    ),
    "changed": message(
        "bank.entry.changed",
        entry=Entry(bank="press", id="e1", state="withdrawn", by="user:ada", revision=13),
    ),
    "test": message("webhook.test"),
}


@pytest.fixture
def receive():
    """Starts receivers of webhooks, and gives couriers that may call them."""
    running = []

    def start(say=lambda _: answer()):
        origin = Origin(say)
        running.append(origin)
        inside = Outward(
            networks=(ip_network("127.0.0.0/8"),), ports=frozenset({origin.port}), http=True
        )
        return origin, Courier(inside, URL, lambda: NOW)

    yield start
    for origin in running:
        origin.close()


def hook(origin, *keys, kind="webhook"):
    return Target(kind, f"http://127.0.0.1:{origin.port}/hook", keys)


def parts(request):
    """Return the headers of a request, by lower-case names, and its body."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value for name, value in lines}, body


def test_a_webhook_gets_signed_json(receive):
    origin, courier = receive()
    outcome = courier.bring(hook(origin, KEY), [MESSAGES["decided"]])
    assert (outcome.error, outcome.status) == (None, 200)
    headers, body = parts(origin.asked[0])
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert verify(headers[HEADER.lower()], body, [KEY], NOW / SECOND) == "k2"
    assert json.loads(body)["messages"][0]["id"] == MESSAGES["decided"].id


def test_a_webhook_gets_the_notice_and_nobody_else_does(receive):
    origin, courier = receive()
    courier = Courier(courier._outward, URL, lambda: NOW, notice=lambda _: "https://n.example/")
    courier.bring(hook(origin, KEY), [MESSAGES["decided"]])
    assert json.loads(parts(origin.asked[0])[1])["messages"][0]["notice"] == "https://n.example/"
    courier.bring(hook(origin, kind="slack"), [MESSAGES["decided"]])
    assert "n.example" not in parts(origin.asked[1])[1].decode()


def test_while_keys_are_exchanged_either_key_will_do(receive):
    origin, courier = receive()
    courier.bring(hook(origin, KEY, OLD), [MESSAGES["test"]])
    headers, body = parts(origin.asked[0])
    for key in (KEY, OLD):
        assert verify(headers[HEADER.lower()], body, [key], NOW / SECOND) == key.id


def test_slack_gets_text_that_shows_no_preview_of_a_link(receive):
    origin, courier = receive()
    courier.bring(hook(origin, kind="slack"), [MESSAGES["decided"]])
    headers, body = parts(origin.asked[0])
    told = json.loads(body)
    assert told.pop("text") == wording.slack([MESSAGES["decided"]], URL)
    assert told == {"unfurl_links": False, "unfurl_media": False}
    assert HEADER.lower() not in headers


@pytest.mark.parametrize(
    ("status", "alone", "final"),
    [
        ("301 Moved", False, False),
        ("400 Bad", False, False),
        ("404 Not Found", False, False),
        ("408 Slow", True, False),
        ("410 Gone", False, True),
        ("429 Many", True, False),
        ("500 Broken", True, False),
        ("503 Busy", True, False),
    ],
)
def test_any_answer_but_200_to_299_is_a_failure(receive, status, alone, final):
    origin, courier = receive(lambda _: answer(b"not for you", status, location="http://x/"))
    outcome = courier.bring(hook(origin, KEY), [MESSAGES["test"]])
    assert outcome.error == f"the receiver answered with status {status[:3]}"
    assert (outcome.status, outcome.alone, outcome.final) == (int(status[:3]), alone, final)
    assert len(origin.asked) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("999999999999", 86400),
        ("Fri, 15 Jan 2027 08:05:00 GMT", 300),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 0),
    ],
)
def test_how_long_a_receiver_asks_to_be_left_alone(receive, header, seconds):
    origin, courier = receive(lambda _: answer(status="503 Busy", retry_after=header))
    assert courier.bring(hook(origin, KEY), [MESSAGES["test"]]).rest == seconds


def test_a_receiver_that_is_not_there_is_left_alone(receive):
    origin, courier = receive()
    target = hook(origin, KEY)
    origin.close()
    outcome = courier.bring(target, [MESSAGES["test"]])
    assert (outcome.error, outcome.status, outcome.alone) == ("cannot be reached", None, True)


def test_nobody_inside_is_called_unless_the_operator_says_so(receive):
    origin, _ = receive()
    outside = Outward(ports=frozenset({origin.port}), http=True)
    outcome = Courier(outside, URL, lambda: NOW).bring(hook(origin, KEY), [MESSAGES["test"]])
    assert outcome.error is not None
    assert origin.asked == []


def test_the_callback_of_an_item_never_goes_inside(receive):
    origin, courier = receive()
    callback = hook(origin, KEY)._replace(public=True)
    assert courier.bring(callback, [MESSAGES["test"]]).error is not None
    assert origin.asked == []


def test_a_mistake_of_ours_is_an_outcome_and_shows_no_secret(receive, monkeypatch, caplog):
    origin, courier = receive()
    monkeypatch.setattr(wording, "slack", lambda *_: 1 / 0)
    outcome = courier.bring(hook(origin, KEY, kind="slack"), [MESSAGES["test"]])
    assert outcome.error == "internal error: ZeroDivisionError"
    assert "tgw_second" not in caplog.text


# What people read


def golden(name, text):
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MESSAGES)
def test_golden_json(name):
    made = Envelope(messages=(MESSAGES[name],))
    encoded = msgspec.json.format(msgspec.json.encode(made)).decode()
    golden(f"message-{name}.json", encoded + "\n")
    jsonschema.validate(json.loads(encoded), json.loads(schema("webhook-v1.json")))
    assert msgspec.json.decode(encoded, type=Envelope) == made


def test_golden_text_for_slack():
    told = [wording.slack([one], URL) for one in MESSAGES.values()]
    golden("messages-slack.txt", "\n\n---\n\n".join(told) + "\n")


def test_golden_text_for_email():
    told = [
        f"Subject: {wording.subject([one])}\n\n{wording.email([one], URL)}"
        for one in MESSAGES.values()
    ]
    several = [MESSAGES["decided"]] * 22
    told.append(f"Subject: {wording.subject(several)}\n\n{wording.email(several, URL)}")
    golden("messages-email.txt", "\n---\n\n".join(told))


def test_the_examples_of_the_documentation_are_what_is_sent():
    docs = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    assert (GOLDEN / "message-decided.json").read_text(encoding="utf-8") in docs
    assert wording.slack([MESSAGES["decided"]], URL) in docs
    for variable, _ in outward.VARIABLES.values():
        assert f"`{variable}`" in docs


def test_what_comes_from_outside_means_nothing_to_slack_and_hides_nothing():
    name = "<!channel> <https://x|y> & *\u202egpj.exe\n@here"
    item = msgspec.structs.replace(ITEM, external_id=name)
    shown = wording.slack([msgspec.structs.replace(MESSAGES["decided"], item=item)], URL)
    first = shown.splitlines()[0]
    assert "&lt;!channel&gt; &lt;https://x|y&gt; &amp;" in first
    assert "⟨U+202E⟩" in first
    assert "⟨U+000A⟩" in first
    assert shown.count("<") == 1


def test_no_text_leads_to_media():
    several = list(MESSAGES.values())
    for text in (wording.slack(several, URL), wording.email(several, URL)):
        links = [part for part in text.replace("|", " ").split() if URL in part]
        assert links
        for link in links:
            place = link.strip("<.").removeprefix(URL)
            assert place == "" or place == f"/console/items/{ITEM.id}"


# E-mail


@pytest.fixture
def mailbox():
    running = []

    def start(**rest):
        running.append(Mailbox(**rest))
        return running[-1]

    yield start
    for one in running:
        one.close()


def mailing(box, security="none", **rest):
    return Outward(
        smtp=f"127.0.0.1:{box.port}",
        smtp_security=security,
        smtp_from="tidegate@platform.example",
        **rest,
    )


TEAM = Target("email", "team@platform.example")


def test_a_mail_is_plain_text_with_an_id_that_stays(mailbox):
    box = mailbox()
    courier = Courier(mailing(box), URL, lambda: NOW)
    item = msgspec.structs.replace(ITEM, external_id="bild\r\nBcc: all@platform.example ü")
    told = msgspec.structs.replace(MESSAGES["decided"], item=item)
    for _ in range(2):
        assert courier.bring(TEAM, [told]).error is None
    first, second = (message_from_bytes(mail, policy=default) for mail in box.mails)
    assert first["Message-ID"] == second["Message-ID"] == f"<{told.id}@platform.example>"
    assert (first["To"], first["From"]) == ("team@platform.example", "tidegate@platform.example")
    assert first["Bcc"] is None
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Subject"] == wording.subject([told])
    assert first.get_content_type() == "text/plain"
    assert first.get_content().replace("\r\n", "\n") == wording.email([told], URL)


def test_a_password_goes_only_over_tls(mailbox, authority):
    trust, server = authority
    box = mailbox(tls=server)
    secret = {"smtp_user": "tidegate", "smtp_password": Secret("hunter2")}
    courier = Courier(mailing(box, "starttls", **secret), URL, lambda: NOW, tls=trust)
    assert courier.bring(TEAM, [MESSAGES["test"]]).error is None
    assert box.logins == [("tidegate", "hunter2", True)]
    strangers = Courier(mailing(box, "starttls", **secret), URL, lambda: NOW)
    outcome = strangers.bring(TEAM, [MESSAGES["test"]])
    assert outcome.error == "the mail server cannot be used: SSLCertVerificationError"
    assert outcome.alone
    assert len(box.mails) == len(box.logins) == 1


def test_a_server_without_starttls_gets_no_mail_in_the_clear(mailbox):
    box = mailbox(refuse={"STARTTLS": "502 what"})
    outcome = Courier(mailing(box, "starttls"), URL, lambda: NOW).bring(TEAM, [MESSAGES["test"]])
    assert outcome.error is not None
    assert box.mails == []


@pytest.mark.parametrize(
    ("verb", "said", "alone"),
    [
        ("RCPT", "550 nobody", False),
        ("MAIL", "451 later", True),
        ("DATA", "554 no", True),
    ],
)
def test_a_mail_that_is_refused_is_a_failure(mailbox, verb, said, alone):
    box = mailbox(refuse={verb: said})
    outcome = Courier(mailing(box), URL, lambda: NOW).bring(TEAM, [MESSAGES["test"]])
    assert said[:3] in outcome.error
    assert (outcome.alone, outcome.final) == (alone, False)


def test_without_a_mail_server_no_mail_is_lost():
    outcome = Courier(Outward(), URL, lambda: NOW).bring(TEAM, [MESSAGES["test"]])
    assert "TIDEGATE_SMTP" in outcome.error
    assert not outcome.final


# Settings


def test_settings_are_read_from_the_environment():
    found = outward.read(
        {
            "TIDEGATE_WEBHOOK_NETWORKS": "10.20.0.0/16, fd00::/8",
            "TIDEGATE_WEBHOOK_PORTS": "443,8443",
            "TIDEGATE_WEBHOOK_HTTP": "1",
            "TIDEGATE_SMTP": "mail.example:587",
            "TIDEGATE_SMTP_USER": "u",
            "TIDEGATE_SMTP_PASSWORD": "hunter2",
            "TIDEGATE_SMTP_FROM": "tidegate@platform.example",
        }
    )
    allowance = found.allowance()
    assert allowance.schemes == {"http", "https"}
    assert allowance.ports == {443, 8443}
    assert allowance.short_names
    assert "hunter2" not in repr(found)
    plain = outward.read({}).allowance()
    assert (plain.schemes, plain.ports, plain.networks) == ({"https"}, {443}, ())


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TIDEGATE_WEBHOOK_NETWORKS", "10.20.0.1/16"),
        ("TIDEGATE_WEBHOOK_PORTS", "0"),
        ("TIDEGATE_WEBHOOK_PORTS", "443;80"),
        ("TIDEGATE_WEBHOOK_HTTP", "yes"),
        ("TIDEGATE_SMTP", "smtp://mail.example"),
        ("TIDEGATE_SMTP_SECURITY", "ssl"),
        ("TIDEGATE_SMTP_FROM", "Team <a@b.example>"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(variable, text):
    rest = {"TIDEGATE_SMTP_FROM": "a@b.example", "TIDEGATE_SMTP": "mail.example"}
    with pytest.raises(SettingError, match=f"^{variable}: "):
        outward.read(rest | {variable: text})


@pytest.mark.parametrize(
    "given",
    [
        {"TIDEGATE_SMTP": "mail.example"},
        {"TIDEGATE_SMTP_USER": "u"},
        {"TIDEGATE_SMTP_PASSWORD": "hunter2"},
        {
            "TIDEGATE_SMTP_USER": "u",
            "TIDEGATE_SMTP_PASSWORD": "hunter2",
            "TIDEGATE_SMTP_SECURITY": "none",
        },
    ],
)
def test_settings_that_contradict_one_another_are_refused_without_secrets(given):
    with pytest.raises(SettingError) as refused:
        outward.read(given)
    assert "hunter2" not in str(refused.value)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Whom to trust, and a server of 127.0.0.1 that is vouched for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.datetime.now(datetime.UTC)
    own = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(own, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("mail") / "both.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        certificate.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    return ssl.create_default_context(cafile=file), server
