"""The kinds of equipment and the form of its tags; knows no framework."""

from enum import StrEnum


class EquipmentKind(StrEnum):
    """The kind of a piece of equipment."""

    CONVEYOR = "conveyor"
    ROBOT_ARM = "robot_arm"
    PRESS = "press"
    CNC = "cnc"
    PACKAGING = "packaging"
    FORKLIFT = "forklift"
    AGV = "agv"
    CRANE = "crane"
    TANK = "tank"
    GENERATOR = "generator"
    CONTROL_PANEL = "control_panel"
    SENSOR = "sensor"
    OTHER = "other"


TAG_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
MAX_TAG_LENGTH = 100
