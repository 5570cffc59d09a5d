"""Who a body is about: it holds a value of the person, as it is or encoded, and not a longer one."""

import pytest

from operate.erase.person import is_about


@pytest.mark.parametrize(
    ("body", "person"),
    [
        ('{"record": {"Email": " Joe@Example.com "}}', "joe@example.com"),
        ('{"detail": {"to": "Joe <joe@example.com>."}}', "joe@example.com"),
        ('{"detail": {"mail": "joe\\u0040example.com"}}', "joe@example.com"),
        (
            '{"Type": "Notification", "Message": "{\\"record\\": {\\"Email\\": \\"joe\\\\u0040example.com\\"}}"}',
            "joe@example.com",
        ),
        ('{"Email": "joe@example.com", "Email": "x"}', "joe@example.com"),
        ('{"Email": "joe@example.com', "joe@example.com"),
        ('{"Email": "joe\\u0040example.com', "joe@example.com"),
        ("record%5BEmail%5D=joe%40example.com&configuration=contact", "joe@example.com"),
        ('{"detail": {"query": "to=joe%40example.com"}}', "joe@example.com"),
        ('{"detail": {"page": "<a>joe&#64;example.com</a>"}}', "joe@example.com"),
        ("record%5BPhone%5D=%2B44+7700+900461", "+44 7700 900461"),
        ('{"record": {"Phone": "+44 (7700) 900-461"}}', "+447700900461"),
        ('{"record": {"Phone": 447700900461}}', "+44 7700 900461"),
        ('{"record": {"Customer": "C-1234"}}', "c-1234"),
    ],
)
def test_a_body_with_a_value_of_the_person_is_about_them(body: str, person: str) -> None:
    assert is_about(body, ["nobody@example.com", person])


@pytest.mark.parametrize(
    ("body", "person"),
    [
        ('{"record": {"Email": "zoe-joe@example.com"}}', "joe@example.com"),
        ('{"record": {"Email": "zoe.joe@example.com"}}', "joe@example.com"),
        ('{"record": {"Email": "joe@example.com.au"}}', "joe@example.com"),
        ('{"record": {"Email": "joe@example-com"}}', "joe@example.com"),
        ('{"Email": "zoe+joe@example.com', "joe@example.com"),
        ("Email=zoe%2Bjoe%40example.com", "joe@example.com"),
        ('{"record": {"Phone": "+44 7700 9004612"}}', "+44 7700 900461"),
        ('{"record": {"joe@example.com": "x"}}', "joe@x.example"),
    ],
)
def test_a_longer_value_is_somebody_elses(body: str, person: str) -> None:
    assert not is_about(body, [person])
