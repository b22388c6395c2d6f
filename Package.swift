// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// Hot loops are optimised in debug builds too: tests run real models through them.
///
/// `-ffp-contract=off` keeps vector variants bit-identical to the scalar reference.
let kernels: [CSetting] = [
  .unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"])
]

/// Numeric Swift code is optimised in debug builds too, for the same reason.
let numeric: [SwiftSetting] = strict + [.unsafeFlags(["-O"])]

let package = Package(
  name: "vise",
  products: [.executable(name: "vise", targets: ["vise"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    .target(name: "CViseKernels", cSettings: kernels),
    .target(
      name: "COpenBLAS",
      cSettings: [
        .define("_DEFAULT_SOURCE"), .unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"]),
      ],
      linkerSettings: [.linkedLibrary("dl")]),
    .target(
      name: "CTerminal",
      cSettings: [
        .define("_XOPEN_SOURCE", to: "700"), .define("_DEFAULT_SOURCE"),
        .unsafeFlags(["-Wall", "-Wextra", "-Werror"]),
      ],
      linkerSettings: [.linkedLibrary("ncursesw")]),
    .target(
      name: "ViseTensor", dependencies: ["CViseKernels", "COpenBLAS"], swiftSettings: numeric),
    .systemLibrary(name: "CZlib", path: "Sources/CZlib"),
    .target(
      name: "ViseFormats",
      dependencies: [
        "ViseTensor", "CZlib", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["ONNX/Schema/onnx.proto"], swiftSettings: numeric),
    .target(
      name: "CImages", cSettings: kernels,
      linkerSettings: [.linkedLibrary("png16"), .linkedLibrary("jpeg")]),
    .target(name: "ViseImages", dependencies: ["CImages"], swiftSettings: numeric),
    .target(name: "ViseCompression", dependencies: ["ViseTensor"], swiftSettings: numeric),
    .target(
      name: "ViseTOML", dependencies: [.product(name: "TOMLKit", package: "TOMLKit")],
      swiftSettings: strict),
    .target(
      name: "ViseModels",
      dependencies: [
        "ViseTensor", "ViseFormats", "ViseCompression", "ViseTOML",
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      swiftSettings: numeric),
    .target(
      name: "ViseGraphs", dependencies: ["ViseTensor", "ViseFormats", "ViseCompression"],
      swiftSettings: numeric),
    .target(
      name: "ViseTraining", dependencies: ["ViseTensor", "ViseFormats", "ViseGraphs"],
      swiftSettings: numeric),
    .target(
      name: "ViseDevices",
      dependencies: [
        "ViseTensor", "ViseFormats", "ViseCompression", "ViseModels", "ViseTOML",
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      swiftSettings: strict),
    .target(
      name: "ViseTrials", dependencies: [.product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: strict),
    .target(name: "ViseEstimates", dependencies: ["ViseCompression"], swiftSettings: strict),
    .target(
      name: "ViseEvaluation",
      dependencies: [
        "ViseTensor", "ViseFormats", "ViseCompression", "ViseModels", "ViseGraphs",
        "ViseEstimates", "ViseTrials",
      ],
      swiftSettings: numeric),
    .target(
      name: "ViseSearch",
      dependencies: [
        "ViseTensor", "ViseCompression", "ViseModels", "ViseEstimates", "ViseEvaluation",
      ],
      swiftSettings: numeric),
    .target(
      name: "ViseWorkbench", dependencies: ["ViseCompression", "ViseEstimates"],
      swiftSettings: strict),
    .target(
      name: "ViseTerminal",
      dependencies: [
        "ViseWorkbench", "ViseCompression", "ViseEstimates", "ViseTOML",
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      swiftSettings: strict),
    .target(
      name: "ViseConsole",
      dependencies: [
        "CTerminal", "ViseWorkbench", "ViseTerminal", "ViseCompression", "ViseEstimates",
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "vise",
      dependencies: [
        "CTerminal", "ViseConsole", "ViseTensor", "ViseFormats", "ViseCompression", "ViseModels",
        "ViseEstimates", "ViseEvaluation", "ViseTrials", "ViseWorkbench", "ViseTerminal",
        "ViseDevices", "ViseSearch", "ViseGraphs", "ViseTraining", "ViseImages",
        "ViseTOML", .product(name: "TOMLKit", package: "TOMLKit"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ViseTensorTests", dependencies: ["ViseTensor", "CViseKernels"],
      resources: [.copy("Goldens")], swiftSettings: strict),
    .testTarget(
      name: "ViseFormatsTests",
      dependencies: [
        "ViseFormats", "ViseTensor", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      resources: [.copy("Fixtures")], swiftSettings: strict),
    .testTarget(
      name: "ViseImagesTests", dependencies: ["ViseImages", "ViseTensor"],
      resources: [.copy("Fixtures")], swiftSettings: strict),
    .testTarget(
      name: "ViseCompressionTests", dependencies: ["ViseCompression", "ViseTensor"],
      swiftSettings: strict),
    .testTarget(
      name: "ViseModelsTests",
      dependencies: ["ViseModels", "ViseFormats", "ViseCompression", "ViseTensor"],
      resources: [.copy("Fixtures")], swiftSettings: strict),
    .testTarget(
      name: "ViseGraphsTests",
      dependencies: ["ViseGraphs", "ViseFormats", "ViseCompression", "ViseTensor"],
      resources: [.copy("Fixtures")], swiftSettings: strict),
    .testTarget(
      name: "ViseTrainingTests",
      dependencies: ["ViseTraining", "ViseGraphs", "ViseFormats", "ViseCompression", "ViseTensor"],
      swiftSettings: strict),
    .testTarget(
      name: "ViseEvaluationTests",
      dependencies: [
        "ViseEvaluation", "ViseEstimates", "ViseModels", "ViseGraphs", "ViseFormats",
        "ViseCompression", "ViseTensor",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ViseSearchTests",
      dependencies: [
        "ViseSearch", "ViseEvaluation", "ViseEstimates", "ViseModels", "ViseFormats",
        "ViseGraphs", "ViseCompression", "ViseTensor",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ViseDevicesTests",
      dependencies: ["ViseDevices", "ViseModels", "ViseFormats", "ViseCompression", "ViseTensor"],
      swiftSettings: strict),
    .executableTarget(
      name: "StoreFixture",
      dependencies: ["ViseTrials", "ViseModels", "ViseCompression", "ViseTensor"],
      path: "Tests/StoreFixture", swiftSettings: strict),
    .testTarget(
      name: "ViseTrialsTests",
      dependencies: ["ViseTrials", "StoreFixture", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: strict),
    .target(
      name: "WorkbenchTestSupport",
      dependencies: ["ViseWorkbench", "ViseEstimates", "ViseCompression", "ViseTensor"],
      path: "Tests/WorkbenchTestSupport", swiftSettings: strict),
    .testTarget(
      name: "ViseWorkbenchTests",
      dependencies: ["ViseWorkbench", "ViseEstimates", "ViseCompression", "WorkbenchTestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "ViseTerminalTests",
      dependencies: [
        "ViseTerminal", "ViseWorkbench", "ViseEstimates", "ViseCompression",
        "WorkbenchTestSupport",
      ],
      exclude: ["Goldens"], swiftSettings: strict),
    .testTarget(name: "ViseCommandTests", exclude: ["Fixtures"], swiftSettings: strict),
    .executableTarget(
      name: "WorkbenchFixture",
      dependencies: ["ViseConsole", "ViseTerminal", "WorkbenchTestSupport"],
      path: "Tests/WorkbenchFixture", swiftSettings: strict),
    .testTarget(
      name: "ViseConsoleTests",
      dependencies: [
        "ViseConsole", "ViseTerminal", "ViseWorkbench", "ViseEstimates", "ViseCompression",
        "CTerminal", "WorkbenchFixture", "WorkbenchTestSupport",
      ],
      swiftSettings: strict),
    .testTarget(name: "ViseLayeringTests", swiftSettings: strict),
  ],
  cLanguageStandard: .c11
)
