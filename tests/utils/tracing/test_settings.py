"""Tracing is off, and not even loaded, until a setting names a collector; a wrong setting ends the start."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.util.re import parse_env_headers

from support.kit.processes import sample
from utils.settings import SettingsError
from utils.tracing import active_spans, start_tracing
from utils.tracing.settings import HEADERS, TracingSettings

ON = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
EX_CONFIG = 78


def test_off_nothing_of_the_sdk_is_loaded_and_on_it_is() -> None:
    with sample("loaded") as off, sample("loaded", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1") as on:
        assert (off.wait(), on.wait()) == (0, 0)
        told = [process.wait_for_message("loaded") for process in (off, on)]
    assert told[0]["modules"] == 0
    assert (told[1]["tracing"], told[1]["modules"] > 10) == ("RunningTracing", True)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {**ON, "OTEL_SDK_DISABLED": "true"},
        {**ON, "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_it_stays_off(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert type(start_tracing("kit", None)).__name__ == "_Off"
    assert active_spans() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:99999"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://collector:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "nan"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "key=hunter2,=x"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "my key=hunter2"),
        ("OTEL_EXPORTER_OTLP_HEADERS", 'key="hunter2"'),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1000000"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "-5"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_kept_back(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for variable, text in {**ON, name: value}.items():
        monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError) as raised:
        start_tracing("kit", None)
    assert [problem[0] for problem in raised.value.problems] == [name]
    assert "hunter2" not in str(raised.value)


@given(st.from_regex(HEADERS, fullmatch=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_headers_that_are_accepted_are_read_by_the_sdk_without_a_word(
    caplog: pytest.LogCaptureFixture, text: str
) -> None:
    assert TracingSettings(otel_exporter_otlp_headers=text).otel_exporter_otlp_headers
    assert parse_env_headers(text, liberal=True)
    assert not caplog.records


@pytest.mark.parametrize(("argument", "is_right"), [("0.25", True), ("1.5", False), ("all", False)])
def test_a_ratio_lies_between_nought_and_one(
    monkeypatch: pytest.MonkeyPatch, *, argument: str, is_right: bool
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    if is_right:
        assert TracingSettings().otel_traces_sampler_arg == argument
        return
    with pytest.raises(SettingsError, match="OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1"):
        TracingSettings()


def test_a_process_ends_with_one_line_that_names_the_setting() -> None:
    with sample(
        "api", OTEL_EXPORTER_OTLP_ENDPOINT="http://user:hunter2@", OTEL_TRACES_SAMPLER="x"
    ) as process:
        assert process.wait() == EX_CONFIG
        [line] = process.lines("stderr")
    assert line["level"] == "CRITICAL"
    for part in ("OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL", "OTEL_TRACES_SAMPLER: "):
        assert part in line["message"]
    assert "hunter2" not in str(process.raw)


@pytest.mark.parametrize(
    ("variables", "endpoint", "collector"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces", "c:4318"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://u:p@c/otel"}, "https://u:p@c/otel/v1/traces", "c:443"),
        ({**ON, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/all"}, "http://t/all", "t:80"),
    ],
)
def test_the_endpoint_is_the_standards(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], endpoint: str, collector: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tracing = TracingSettings()
    assert (tracing.endpoint, tracing.collector) == (endpoint, collector)
