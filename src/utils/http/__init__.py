"""HTTP for every service: the application, its limits, errors, parameters, fields and pages."""

from utils.http.app import Kit, build_app
from utils.http.authentication import CurrentPrincipal
from utils.http.fields import (
    NORMALIZED,
    AwareDatetime,
    Boolean,
    FiniteFloat,
    Integer,
    Name,
    RequestModel,
    Text,
)
from utils.http.pages import Cursor, IdPrefix, Limit, Page, cut, ids_like, start_after
from utils.http.responses import PROBLEM_RESPONSES
from utils.http.routes import MAX_BODY_BYTES, BodyRule, RouteTable
from utils.http.transaction import DatabaseTransaction

__all__ = [
    "MAX_BODY_BYTES",
    "NORMALIZED",
    "PROBLEM_RESPONSES",
    "AwareDatetime",
    "BodyRule",
    "Boolean",
    "CurrentPrincipal",
    "Cursor",
    "DatabaseTransaction",
    "FiniteFloat",
    "IdPrefix",
    "Integer",
    "Kit",
    "Limit",
    "Name",
    "Page",
    "RequestModel",
    "RouteTable",
    "Text",
    "build_app",
    "cut",
    "ids_like",
    "start_after",
]
