"""The parts of a glTF document that refer to each other and to its bytes (Khronos glTF 2.0, section 5).

Only what decides whether the references hold is read; everything else is left to the viewer.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from asset_management.content.errors import MalformedError

Index = Annotated[int, Meta(ge=0)]
Offset = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]

COMPONENT_BYTES: Final = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
COLUMNS_AND_ROWS: Final = {
    "SCALAR": (1, 1),
    "VEC2": (1, 2),
    "VEC3": (1, 3),
    "VEC4": (1, 4),
    "MAT2": (2, 2),
    "MAT3": (3, 3),
    "MAT4": (4, 4),
}
MAX_PADDING: Final = 3
"""How many bytes a BIN chunk may be longer than its buffer; a chunk's length is a multiple of four."""


class Metadata(Struct, gc=False):
    """The document's `asset`."""

    version: str


class Buffer(Struct, rename="camel", gc=False):
    """Bytes, in the BIN chunk, in a `data:` URI, or in another file."""

    byte_length: Count
    uri: str | None = None
    extensions: dict[str, msgspec.Raw] | None = None


class BufferView(Struct, rename="camel", gc=False):
    """A part of a buffer."""

    buffer: Index
    byte_length: Count
    byte_offset: Offset = 0
    byte_stride: Annotated[int, Meta(ge=4, le=252, multiple_of=4)] | None = None
    extensions: dict[str, msgspec.Raw] | None = None


class SparseIndices(Struct, rename="camel", gc=False):
    """Which elements a sparse accessor replaces."""

    buffer_view: Index
    component_type: int
    byte_offset: Offset = 0


class SparseValues(Struct, rename="camel", gc=False):
    """What a sparse accessor replaces them by."""

    buffer_view: Index
    byte_offset: Offset = 0


class Sparse(Struct, gc=False):
    """The elements of an accessor that differ from its buffer view."""

    count: Count
    indices: SparseIndices
    values: SparseValues


class Accessor(Struct, rename="camel", gc=False):
    """A typed array in a buffer view; all zeros without one."""

    component_type: int
    count: Count
    type: str
    buffer_view: Index | None = None
    byte_offset: Offset = 0
    sparse: Sparse | None = None


class Image(Struct, rename="camel", gc=False):
    """A texture's picture."""

    buffer_view: Index | None = None


class Primitive(Struct, gc=False):
    """A part of a mesh with one material."""

    attributes: dict[str, Index]
    indices: Index | None = None
    material: Index | None = None
    targets: list[dict[str, Index]] = []


class Mesh(Struct, gc=False):
    """A shape."""

    primitives: list[Primitive]


class Node(Struct, gc=False):
    """A place in a scene."""

    mesh: Index | None = None
    skin: Index | None = None
    camera: Index | None = None
    children: list[Index] = []


class Skin(Struct, rename="camel", gc=False):
    """A skeleton's joints."""

    joints: list[Index]
    inverse_bind_matrices: Index | None = None
    skeleton: Index | None = None


class Scene(Struct, gc=False):
    """The roots of what is shown."""

    nodes: list[Index] = []


class Texture(Struct, gc=False):
    """A picture and how it is sampled."""

    source: Index | None = None
    sampler: Index | None = None


class AnimationSampler(Struct, gc=False):
    """Key times and the values at them."""

    input: Index
    output: Index


class Animation(Struct, gc=False):
    """Movements; only their samplers refer to bytes."""

    samplers: list[AnimationSampler]


class Gltf(Struct, rename="camel"):
    """A document; what other parts only count, such as materials, is kept as it is."""

    asset: Metadata
    scene: Index | None = None
    scenes: list[Scene] = []
    nodes: list[Node] = []
    meshes: list[Mesh] = []
    skins: list[Skin] = []
    accessors: list[Accessor] = []
    buffer_views: list[BufferView] = []
    buffers: list[Buffer] = []
    images: list[Image] = []
    textures: list[Texture] = []
    animations: list[Animation] = []
    cameras: list[msgspec.Raw] = []
    materials: list[msgspec.Raw] = []
    samplers: list[msgspec.Raw] = []
    extensions_used: list[str] = []


def check_references(gltf: Gltf, binary_bytes: int | None) -> None:
    """Check that every reference leads to something that is there, and that its bytes are.

    Args:
        gltf: the document.
        binary_bytes: the length of the file's BIN chunk; None without one.

    Raises:
        MalformedError: the first that does not, named by its place in the document.
    """
    for number, buffer in enumerate(gltf.buffers):
        _check_buffer(number, buffer, binary_bytes)
    for number, view in enumerate(gltf.buffer_views):
        _check_view(f"bufferViews[{number}]", view, gltf.buffers)
    for number, accessor in enumerate(gltf.accessors):
        _check_accessor(f"accessors[{number}]", accessor, gltf)
    for place, index, name, among in _references(gltf):
        if index is not None and index >= len(among):
            raise MalformedError(f"{place} names {name}[{index}], and there are {len(among)}.")


def _check_buffer(number: int, buffer: Buffer, binary_bytes: int | None) -> None:
    place, length = f"buffers[{number}]", buffer.byte_length
    if buffer.uri is not None:
        given = _data_uri_bytes(place, buffer.uri)
        if given is not None and given < length:
            raise MalformedError(f"{place} is {length} bytes long, and its data URI holds {given}.")
        return
    if buffer.extensions is not None:
        return  # an extension says where its bytes come from
    if number > 0:
        raise MalformedError(f"{place} has no bytes: it has no uri, and only buffers[0] is the BIN chunk.")
    if binary_bytes is None:
        raise MalformedError(f"{place} is the file's BIN chunk, and the file has none.")
    if length > binary_bytes:
        raise MalformedError(f"{place} is {length} bytes long, and the file's BIN chunk {binary_bytes}.")


def _data_uri_bytes(place: str, uri: str) -> int | None:
    """Return how many bytes a `data:` URI (RFC 2397) holds; None for the URI of another file."""
    if uri[:5].lower() != "data:":
        return None
    head, comma, data = uri.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise MalformedError(f"{place}.uri must be base64, as data:application/octet-stream;base64,…")
    text = data.rstrip("=")
    if (text and not _BASE64.issuperset(text)) or len(text) % 4 == 1:
        raise MalformedError(f"{place}.uri is not valid base64.")
    return len(text) * 3 // 4


_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def _check_view(place: str, view: BufferView, buffers: Sequence[Buffer]) -> None:
    buffer = _at(buffers, view.buffer, place, "buffers")
    end = view.byte_offset + view.byte_length
    if end > buffer.byte_length:
        raise MalformedError(
            f"{place} ends at byte {end}, and buffers[{view.buffer}] is {buffer.byte_length} bytes long."
        )


def _check_accessor(place: str, accessor: Accessor, gltf: Gltf) -> None:
    element = _element_bytes(place, accessor, gltf)
    if element is None:
        return
    if accessor.buffer_view is not None:
        view = _at(gltf.buffer_views, accessor.buffer_view, place, "bufferViews")
        stride = view.byte_stride or element
        if stride < element:
            raise MalformedError(f"{place} has elements of {element} bytes, and a stride of {stride}.")
        end = accessor.byte_offset + stride * (accessor.count - 1) + element
        _check_end(place, end, accessor.buffer_view, view)
    if accessor.sparse is not None:
        _check_sparse(f"{place}.sparse", accessor.sparse, accessor.count, element, gltf)


def _check_sparse(place: str, sparse: Sparse, count: int, element: int, gltf: Gltf) -> None:
    if sparse.count > count:
        raise MalformedError(f"{place} replaces {sparse.count} elements of {count}.")
    indices, values = sparse.indices, sparse.values
    size = COMPONENT_BYTES.get(indices.component_type)
    if size is None:
        raise MalformedError(f"{place}.indices.componentType must be 5121, 5123 or 5125.")
    view = _at(gltf.buffer_views, indices.buffer_view, f"{place}.indices", "bufferViews")
    _check_end(f"{place}.indices", indices.byte_offset + size * sparse.count, indices.buffer_view, view)
    view = _at(gltf.buffer_views, values.buffer_view, f"{place}.values", "bufferViews")
    _check_end(f"{place}.values", values.byte_offset + element * sparse.count, values.buffer_view, view)


def _check_end(place: str, end: int, number: int, view: BufferView) -> None:
    if end > view.byte_length:
        raise MalformedError(
            f"{place} ends at byte {end}, and bufferViews[{number}] is {view.byte_length} bytes long."
        )


def _element_bytes(place: str, accessor: Accessor, gltf: Gltf) -> int | None:
    """Return an element's bytes (section 3.6.2.4); None where an extension may know more types than we do."""
    size = COMPONENT_BYTES.get(accessor.component_type)
    shape = COLUMNS_AND_ROWS.get(accessor.type)
    if size is None or shape is None:
        if gltf.extensions_used:
            return None
        known = COMPONENT_BYTES if size is None else COLUMNS_AND_ROWS
        what = "componentType" if size is None else "type"
        raise MalformedError(f"{place}.{what} must be one of: {', '.join(map(str, known))}.")
    columns, rows = shape
    if columns == 1:
        return rows * size
    column = -(-rows * size // 4) * 4  # each column of a matrix begins at a multiple of four
    return (columns - 1) * column + rows * size


def _at(items: Sequence[Any], index: int, place: str, name: str) -> Any:
    if index >= len(items):
        raise MalformedError(f"{place} names {name}[{index}], and there are {len(items)}.")
    return items[index]


Reference = tuple[str, int | None, str, Sequence[Any]]


def _references(gltf: Gltf) -> Iterator[Reference]:
    yield "scene", gltf.scene, "scenes", gltf.scenes
    yield from _of_scenes(gltf)
    for number, mesh in enumerate(gltf.meshes):
        for primitive in mesh.primitives:
            yield from _of_primitive(f"meshes[{number}]", primitive, gltf)
    for number, image in enumerate(gltf.images):
        yield f"images[{number}]", image.buffer_view, "bufferViews", gltf.buffer_views
    for number, texture in enumerate(gltf.textures):
        yield f"textures[{number}]", texture.source, "images", gltf.images
        yield f"textures[{number}]", texture.sampler, "samplers", gltf.samplers
    for number, animation in enumerate(gltf.animations):
        for sampler in animation.samplers:
            yield f"animations[{number}]", sampler.input, "accessors", gltf.accessors
            yield f"animations[{number}]", sampler.output, "accessors", gltf.accessors


def _of_scenes(gltf: Gltf) -> Iterator[Reference]:
    for number, scene in enumerate(gltf.scenes):
        for root in scene.nodes:
            yield f"scenes[{number}]", root, "nodes", gltf.nodes
    for number, node in enumerate(gltf.nodes):
        yield from _of_node(f"nodes[{number}]", node, gltf)
    for number, skin in enumerate(gltf.skins):
        yield from _of_skin(f"skins[{number}]", skin, gltf)


def _of_node(place: str, node: Node, gltf: Gltf) -> Iterator[Reference]:
    yield place, node.mesh, "meshes", gltf.meshes
    yield place, node.skin, "skins", gltf.skins
    yield place, node.camera, "cameras", gltf.cameras
    for child in node.children:
        yield place, child, "nodes", gltf.nodes


def _of_primitive(place: str, primitive: Primitive, gltf: Gltf) -> Iterator[Reference]:
    yield place, primitive.indices, "accessors", gltf.accessors
    yield place, primitive.material, "materials", gltf.materials
    for attributes in (primitive.attributes, *primitive.targets):
        for index in attributes.values():
            yield place, index, "accessors", gltf.accessors


def _of_skin(place: str, skin: Skin, gltf: Gltf) -> Iterator[Reference]:
    yield place, skin.inverse_bind_matrices, "accessors", gltf.accessors
    yield place, skin.skeleton, "nodes", gltf.nodes
    for joint in skin.joints:
        yield place, joint, "nodes", gltf.nodes
