from argoexec_cli.rpc.gen.k8s import config_pb2 as _config_pb2
from argoexec_cli.rpc.gen.k8s import container_pb2 as _container_pb2
from argoexec_cli.rpc.gen.k8s import resource_pb2 as _resource_pb2
from argoexec_cli.rpc.gen.k8s import unsupported_pb2 as _unsupported_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Volume(_message.Message):
    __slots__ = ("name", "volumeSource")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VOLUMESOURCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    volumeSource: VolumeSource
    def __init__(self, name: _Optional[str] = ..., volumeSource: _Optional[_Union[VolumeSource, _Mapping]] = ...) -> None: ...

class VolumeSource(_message.Message):
    __slots__ = ("hostPath", "emptyDir", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "secret", "nfs", "iscsi", "glusterfs", "persistentVolumeClaim", "rbd", "flexVolume", "cinder", "cephfs", "flocker", "downwardAPI", "fc", "azureFile", "configMap", "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO", "projected", "storageos", "csi", "ephemeral", "image")
    HOSTPATH_FIELD_NUMBER: _ClassVar[int]
    EMPTYDIR_FIELD_NUMBER: _ClassVar[int]
    GCEPERSISTENTDISK_FIELD_NUMBER: _ClassVar[int]
    AWSELASTICBLOCKSTORE_FIELD_NUMBER: _ClassVar[int]
    GITREPO_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    NFS_FIELD_NUMBER: _ClassVar[int]
    ISCSI_FIELD_NUMBER: _ClassVar[int]
    GLUSTERFS_FIELD_NUMBER: _ClassVar[int]
    PERSISTENTVOLUMECLAIM_FIELD_NUMBER: _ClassVar[int]
    RBD_FIELD_NUMBER: _ClassVar[int]
    FLEXVOLUME_FIELD_NUMBER: _ClassVar[int]
    CINDER_FIELD_NUMBER: _ClassVar[int]
    CEPHFS_FIELD_NUMBER: _ClassVar[int]
    FLOCKER_FIELD_NUMBER: _ClassVar[int]
    DOWNWARDAPI_FIELD_NUMBER: _ClassVar[int]
    FC_FIELD_NUMBER: _ClassVar[int]
    AZUREFILE_FIELD_NUMBER: _ClassVar[int]
    CONFIGMAP_FIELD_NUMBER: _ClassVar[int]
    VSPHEREVOLUME_FIELD_NUMBER: _ClassVar[int]
    QUOBYTE_FIELD_NUMBER: _ClassVar[int]
    AZUREDISK_FIELD_NUMBER: _ClassVar[int]
    PHOTONPERSISTENTDISK_FIELD_NUMBER: _ClassVar[int]
    PORTWORXVOLUME_FIELD_NUMBER: _ClassVar[int]
    SCALEIO_FIELD_NUMBER: _ClassVar[int]
    PROJECTED_FIELD_NUMBER: _ClassVar[int]
    STORAGEOS_FIELD_NUMBER: _ClassVar[int]
    CSI_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    hostPath: HostPathVolumeSource
    emptyDir: EmptyDirVolumeSource
    gcePersistentDisk: _unsupported_pb2.Unsupported
    awsElasticBlockStore: _unsupported_pb2.Unsupported
    gitRepo: _unsupported_pb2.Unsupported
    secret: SecretVolumeSource
    nfs: _unsupported_pb2.Unsupported
    iscsi: _unsupported_pb2.Unsupported
    glusterfs: _unsupported_pb2.Unsupported
    persistentVolumeClaim: _unsupported_pb2.Unsupported
    rbd: _unsupported_pb2.Unsupported
    flexVolume: _unsupported_pb2.Unsupported
    cinder: _unsupported_pb2.Unsupported
    cephfs: _unsupported_pb2.Unsupported
    flocker: _unsupported_pb2.Unsupported
    downwardAPI: DownwardAPIVolumeSource
    fc: _unsupported_pb2.Unsupported
    azureFile: _unsupported_pb2.Unsupported
    configMap: ConfigMapVolumeSource
    vsphereVolume: _unsupported_pb2.Unsupported
    quobyte: _unsupported_pb2.Unsupported
    azureDisk: _unsupported_pb2.Unsupported
    photonPersistentDisk: _unsupported_pb2.Unsupported
    portworxVolume: _unsupported_pb2.Unsupported
    scaleIO: _unsupported_pb2.Unsupported
    projected: ProjectedVolumeSource
    storageos: _unsupported_pb2.Unsupported
    csi: _unsupported_pb2.Unsupported
    ephemeral: _unsupported_pb2.Unsupported
    image: _unsupported_pb2.Unsupported
    def __init__(self, hostPath: _Optional[_Union[HostPathVolumeSource, _Mapping]] = ..., emptyDir: _Optional[_Union[EmptyDirVolumeSource, _Mapping]] = ..., gcePersistentDisk: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., awsElasticBlockStore: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., gitRepo: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., secret: _Optional[_Union[SecretVolumeSource, _Mapping]] = ..., nfs: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., iscsi: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., glusterfs: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., persistentVolumeClaim: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., rbd: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., flexVolume: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., cinder: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., cephfs: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., flocker: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., downwardAPI: _Optional[_Union[DownwardAPIVolumeSource, _Mapping]] = ..., fc: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., azureFile: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., configMap: _Optional[_Union[ConfigMapVolumeSource, _Mapping]] = ..., vsphereVolume: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., quobyte: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., azureDisk: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., photonPersistentDisk: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., portworxVolume: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., scaleIO: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., projected: _Optional[_Union[ProjectedVolumeSource, _Mapping]] = ..., storageos: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., csi: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., ephemeral: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., image: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ...) -> None: ...

class HostPathVolumeSource(_message.Message):
    __slots__ = ("path", "type")
    PATH_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    path: str
    type: str
    def __init__(self, path: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class EmptyDirVolumeSource(_message.Message):
    __slots__ = ("medium", "sizeLimit")
    MEDIUM_FIELD_NUMBER: _ClassVar[int]
    SIZELIMIT_FIELD_NUMBER: _ClassVar[int]
    medium: str
    sizeLimit: _resource_pb2.Quantity
    def __init__(self, medium: _Optional[str] = ..., sizeLimit: _Optional[_Union[_resource_pb2.Quantity, _Mapping]] = ...) -> None: ...

class ConfigMapVolumeSource(_message.Message):
    __slots__ = ("localObjectReference", "items", "defaultMode", "optional")
    LOCALOBJECTREFERENCE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    DEFAULTMODE_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    localObjectReference: _config_pb2.LocalObjectReference
    items: _containers.RepeatedCompositeFieldContainer[_config_pb2.KeyToPath]
    defaultMode: int
    optional: bool
    def __init__(self, localObjectReference: _Optional[_Union[_config_pb2.LocalObjectReference, _Mapping]] = ..., items: _Optional[_Iterable[_Union[_config_pb2.KeyToPath, _Mapping]]] = ..., defaultMode: _Optional[int] = ..., optional: bool = ...) -> None: ...

class SecretVolumeSource(_message.Message):
    __slots__ = ("secretName", "items", "defaultMode", "optional")
    SECRETNAME_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    DEFAULTMODE_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    secretName: str
    items: _containers.RepeatedCompositeFieldContainer[_config_pb2.KeyToPath]
    defaultMode: int
    optional: bool
    def __init__(self, secretName: _Optional[str] = ..., items: _Optional[_Iterable[_Union[_config_pb2.KeyToPath, _Mapping]]] = ..., defaultMode: _Optional[int] = ..., optional: bool = ...) -> None: ...

class DownwardAPIVolumeSource(_message.Message):
    __slots__ = ("items", "defaultMode")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    DEFAULTMODE_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[DownwardAPIVolumeFile]
    defaultMode: int
    def __init__(self, items: _Optional[_Iterable[_Union[DownwardAPIVolumeFile, _Mapping]]] = ..., defaultMode: _Optional[int] = ...) -> None: ...

class DownwardAPIVolumeFile(_message.Message):
    __slots__ = ("path", "fieldRef", "resourceFieldRef", "mode")
    PATH_FIELD_NUMBER: _ClassVar[int]
    FIELDREF_FIELD_NUMBER: _ClassVar[int]
    RESOURCEFIELDREF_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    path: str
    fieldRef: _container_pb2.ObjectFieldSelector
    resourceFieldRef: _container_pb2.ResourceFieldSelector
    mode: int
    def __init__(self, path: _Optional[str] = ..., fieldRef: _Optional[_Union[_container_pb2.ObjectFieldSelector, _Mapping]] = ..., resourceFieldRef: _Optional[_Union[_container_pb2.ResourceFieldSelector, _Mapping]] = ..., mode: _Optional[int] = ...) -> None: ...

class ProjectedVolumeSource(_message.Message):
    __slots__ = ("sources", "defaultMode")
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    DEFAULTMODE_FIELD_NUMBER: _ClassVar[int]
    sources: _containers.RepeatedCompositeFieldContainer[VolumeProjection]
    defaultMode: int
    def __init__(self, sources: _Optional[_Iterable[_Union[VolumeProjection, _Mapping]]] = ..., defaultMode: _Optional[int] = ...) -> None: ...

class VolumeProjection(_message.Message):
    __slots__ = ("secret", "downwardAPI", "configMap", "serviceAccountToken", "clusterTrustBundle", "podCertificate")
    SECRET_FIELD_NUMBER: _ClassVar[int]
    DOWNWARDAPI_FIELD_NUMBER: _ClassVar[int]
    CONFIGMAP_FIELD_NUMBER: _ClassVar[int]
    SERVICEACCOUNTTOKEN_FIELD_NUMBER: _ClassVar[int]
    CLUSTERTRUSTBUNDLE_FIELD_NUMBER: _ClassVar[int]
    PODCERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    secret: SecretProjection
    downwardAPI: DownwardAPIProjection
    configMap: ConfigMapProjection
    serviceAccountToken: _unsupported_pb2.Unsupported
    clusterTrustBundle: _unsupported_pb2.Unsupported
    podCertificate: _unsupported_pb2.Unsupported
    def __init__(self, secret: _Optional[_Union[SecretProjection, _Mapping]] = ..., downwardAPI: _Optional[_Union[DownwardAPIProjection, _Mapping]] = ..., configMap: _Optional[_Union[ConfigMapProjection, _Mapping]] = ..., serviceAccountToken: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., clusterTrustBundle: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ..., podCertificate: _Optional[_Union[_unsupported_pb2.Unsupported, _Mapping]] = ...) -> None: ...

class SecretProjection(_message.Message):
    __slots__ = ("localObjectReference", "items", "optional")
    LOCALOBJECTREFERENCE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    localObjectReference: _config_pb2.LocalObjectReference
    items: _containers.RepeatedCompositeFieldContainer[_config_pb2.KeyToPath]
    optional: bool
    def __init__(self, localObjectReference: _Optional[_Union[_config_pb2.LocalObjectReference, _Mapping]] = ..., items: _Optional[_Iterable[_Union[_config_pb2.KeyToPath, _Mapping]]] = ..., optional: bool = ...) -> None: ...

class ConfigMapProjection(_message.Message):
    __slots__ = ("localObjectReference", "items", "optional")
    LOCALOBJECTREFERENCE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    localObjectReference: _config_pb2.LocalObjectReference
    items: _containers.RepeatedCompositeFieldContainer[_config_pb2.KeyToPath]
    optional: bool
    def __init__(self, localObjectReference: _Optional[_Union[_config_pb2.LocalObjectReference, _Mapping]] = ..., items: _Optional[_Iterable[_Union[_config_pb2.KeyToPath, _Mapping]]] = ..., optional: bool = ...) -> None: ...

class DownwardAPIProjection(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[DownwardAPIVolumeFile]
    def __init__(self, items: _Optional[_Iterable[_Union[DownwardAPIVolumeFile, _Mapping]]] = ...) -> None: ...
