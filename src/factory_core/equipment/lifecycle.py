"""What equipment is, free of any framework."""

from enum import StrEnum


class EquipmentKind(StrEnum):
    """What a piece of equipment is."""

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
