from tests.service.asking import ONCE, browser, make_user


@ONCE
def test_nobody_is_led_to_the_login_and_back(client):
    answer = client.get("/console/queues?queue=a")
    assert answer.status_code in (303, 404)


@ONCE
def test_a_page_that_is_not_there_is_told_on_a_page(app, service):
    make_user(service)
    answer = browser(app).get("/console/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert browser(app).get("/v1/nothing").headers["content-type"] == "application/problem+json"
