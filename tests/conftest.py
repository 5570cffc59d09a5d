from hypothesis import HealthCheck, settings


def profile(max_examples: int) -> settings:
    return settings(
        max_examples=max_examples, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
    )


# How much is tried: `make fuzz` takes the profile of that name, a hundred thousand examples in all.
settings.register_profile("suite", profile(max_examples=3_400))
settings.register_profile("fuzz", profile(max_examples=34_000))
settings.load_profile("suite")
