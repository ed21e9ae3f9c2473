"""OpenTelemetry's settings, checked first because its SDK replaces a wrong value with a default."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, FilePath, SecretStr, field_validator, model_validator

from utils.settings import EnvironmentSettings, is_url

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"

Protocol = Literal["http/protobuf"]
Compression = Literal["none", "gzip", "deflate"]
Milliseconds = Annotated[int, Field(gt=0, le=600_000)]
Seconds = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0, le=1_000_000)]
Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]

_HEADER: Final = r" *[!#-'*+\-.0-9A-Z^-z|~]+ *=[ !#-+\--:<-\[\]-~]*"
HEADERS: Final = re.compile(rf"{_HEADER}(?:,{_HEADER})*")
"""The form of headers that the SDK accepts; it drops any other pair, and logs it with its secret."""


class TracingSettings(EnvironmentSettings):
    """The standard `OTEL_*` variables for traces; the SDK reads the others itself.

    Raises:
        SettingsError: on creation, naming every variable that is wrong.
    """

    otel_sdk_disabled: str = "false"
    otel_traces_exporter: Literal["otlp", "none"] = "otlp"

    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_traces_endpoint: str | None = None
    otel_exporter_otlp_protocol: Protocol = "http/protobuf"
    otel_exporter_otlp_traces_protocol: Protocol = "http/protobuf"
    otel_exporter_otlp_timeout: Seconds = 10
    otel_exporter_otlp_traces_timeout: Seconds = 10
    otel_exporter_otlp_compression: Compression = "none"
    otel_exporter_otlp_traces_compression: Compression = "none"
    otel_exporter_otlp_headers: SecretStr | None = None
    otel_exporter_otlp_traces_headers: SecretStr | None = None
    otel_exporter_otlp_certificate: FilePath | None = None
    otel_exporter_otlp_traces_certificate: FilePath | None = None
    otel_exporter_otlp_client_certificate: FilePath | None = None
    otel_exporter_otlp_traces_client_certificate: FilePath | None = None
    otel_exporter_otlp_client_key: FilePath | None = None
    otel_exporter_otlp_traces_client_key: FilePath | None = None

    otel_traces_sampler: Sampler = "parentbased_always_on"
    otel_traces_sampler_arg: str | None = None

    otel_bsp_schedule_delay: Milliseconds = 5000
    otel_bsp_max_queue_size: Count = 2048
    otel_bsp_max_export_batch_size: Count = 512

    otel_span_attribute_value_length_limit: Count | None = None
    otel_attribute_value_length_limit: Count | None = None

    @property
    def is_on(self) -> bool:
        """Whether tracing is on, given that an endpoint is set."""
        disabled = self.otel_sdk_disabled.lower() == "true"
        return not disabled and self.otel_traces_exporter == "otlp"

    @property
    def endpoint(self) -> str:
        """The URL to which spans are posted; its path is the standard's unless the traces' URL is set."""
        base = (self.otel_exporter_otlp_endpoint or "").removesuffix("/")
        return self.otel_exporter_otlp_traces_endpoint or f"{base}/v1/traces"

    @property
    def collector(self) -> str:
        """The collector as `host:port`, without the parts of the URL that may be secret."""
        parts = urlsplit(self.endpoint)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"

    @field_validator("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is not None and not is_url(value, "http", "https"):
            raise ValueError("must be a URL that begins with http:// or https:// and names a host")
        return value

    @field_validator("otel_exporter_otlp_headers", "otel_exporter_otlp_traces_headers")
    @classmethod
    def _pairs(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not HEADERS.fullmatch(value.get_secret_value()):
            raise ValueError(
                "must be name=value pairs separated by commas, special characters percent-encoded"
            )
        return value

    @model_validator(mode="after")
    def _fitting(self) -> "TracingSettings":
        if self.otel_bsp_max_export_batch_size > self.otel_bsp_max_queue_size:
            raise ValueError("OTEL_BSP_MAX_EXPORT_BATCH_SIZE: must not exceed OTEL_BSP_MAX_QUEUE_SIZE")
        if self.otel_traces_sampler.endswith("traceidratio") and not _is_ratio(self.otel_traces_sampler_arg):
            raise ValueError("OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1")
        return self


def _is_ratio(text: str | None) -> bool:
    try:
        return text is None or 0 <= float(text) <= 1
    except ValueError:
        return False
