import Testing
import ViseDevices

private func near(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-12 * max(abs(a), abs(b)) }

@Test func decodingReadsTheWeightsOnceAToken() {
  // 1 MB of weights and 2 × 2000 bytes of activations at 1 GB/s; 2 MFLOP at 2 TFLOP/s is less.
  let time = Roofline(profile: plainProfile()).decode(oneProduct(), context: 0)
  #expect(near(time.total, 1.004e-3))
  #expect(time.binding == .memoryBandwidth)
  #expect(time.byteCount == 1_004_000)
  #expect(time.operationCount == 2e6)
}

@Test func prefillIsBoundByComputeAndLeavesTheHeadToTheLastToken() {
  // 1000 tokens: 2e9 operations at 2e12/s are 1 ms; 1 MB + 4 MB at 1 TB/s are 5 µs.
  var workload = oneProduct()
  let roofline = Roofline(profile: plainProfile(bandwidth: 1e12))
  let time = roofline.prefill(workload, length: 1000)
  #expect(near(time.total, 1e-3))
  #expect(time.binding == .compute)
  workload.products[0].isLastTokenOnly = true
  // One token: 2e6 operations at 2e12/s are 1 µs; 1.004 MB at 1 TB/s are 1.004 µs.
  #expect(near(roofline.prefill(workload, length: 1000).total, 1.004e-6))
}

@Test func keysAndValuesAreReadAndOneTokenWritten() {
  // 9 seen tokens of 2 heads × 128 features in 2 bytes, and one more written, at 1 GB/s.
  let workload = DeviceWorkload(
    products: [],
    attentions: [DeviceWorkload.Attention(heads: 4, keyValueHeads: 2, keyValueLength: 128)],
    weightByteCount: 0)
  let time = Roofline(profile: plainProfile()).decode(workload, context: 8)
  #expect(near(time.total, Double(10 * 2 * 128 * 2) / 1e9))
  #expect(time.operationCount == Double(2 * 9 * 4 * 128))
  #expect(workload.keyValueByteCount(context: 9) == 9 * 2 * 128 * 2)
}

@Test(arguments: [(1, nil), (7, nil), (7, 3), (3, 7), (64, 16)] as [(Int, Int?)])
func prefillAttendsToEachVisiblePair(length: Int, window: Int?) {
  var pairs = 0
  for token in 0..<length {
    for seen in 0...token where window.map({ token - seen < $0 }) ?? true { pairs += 1 + 0 * seen }
  }
  let workload = DeviceWorkload(
    products: [],
    attentions: [
      DeviceWorkload.Attention(heads: 1, keyValueHeads: 1, keyValueLength: 1, window: window)
    ], weightByteCount: 0)
  let time = Roofline(profile: plainProfile()).prefill(workload, length: length)
  #expect(time.operationCount == Double(2 * pairs))
}

@Test func decodingWeightsIsACeilingOfItsOwn() {
  // 10⁶ weights × 4000 operations at 10¹²/s are 4 ms, above 1 ms of memory.
  let profile = plainProfile(dequantization: 4000)
  let time = Roofline(profile: profile).decode(oneProduct(), context: 0)
  #expect(near(time.total, 4e-3))
  #expect(time.binding == .dequantization)
}

@Test func overheadIsPaidForEachOperation() {
  let profile = plainProfile(bandwidth: 1e16, overhead: 1e-3)
  let workload = smallDecoder(bits: 8, stored: .integer8)
  let time = Roofline(profile: profile).decode(workload, context: 10)
  #expect(near(time.seconds[.overhead] ?? 0, 13e-3))
  #expect(time.binding == .overhead)
}

@Test func aTileCostsAsMuchForOneTokenAsForAll() {
  let profile = plainProfile(bandwidth: 1e16, peaks: [.float16: 2e12], tile: 16)
  let roofline = Roofline(profile: profile)
  let times = [1, 16, 17, 32].map { roofline.prefill(oneProduct(), length: $0).total }
  // 16 tokens × 2e6 operations at 2e12/s.
  #expect(near(times[0], 16e-6))
  #expect(near(times[0], times[1]))
  #expect(near(times[2], times[3]))
  #expect(near(times[2], 2 * times[1]))
}

@Test func aSingleTokenTakesThePlainUnitsWhereTilesAreWorse() {
  // 2e6 operations at 1e12/s instead of 16 times as many at 2e12/s.
  let roofline = Roofline(profile: plainProfile(bandwidth: 1e16, tile: 16))
  #expect(near(roofline.prefill(oneProduct(), length: 1).total, 2e-6))
}

@Test func fewerBytesAreNeverSlower() throws {
  for profile in try DeviceLibrary.builtIn().profiles {
    let roofline = Roofline(profile: profile)
    let times = [8, 7, 6, 5, 4].map {
      roofline.decode(smallDecoder(bits: $0, stored: .integer8), context: 100).total
    }
    for (more, fewer) in zip(times, times.dropFirst()) { #expect(fewer <= more, "\(profile.name)") }
  }
}

@Test func moreContextAndLongerPromptsAreNeverFaster() throws {
  let workload = smallDecoder(bits: 4, stored: .integer4)
  for profile in try DeviceLibrary.builtIn().profiles {
    let roofline = Roofline(profile: profile)
    let counts = [1, 2, 15, 16, 17, 100, 1000, 10_000]
    let decode = counts.map { roofline.decode(workload, context: $0).total }
    let prefill = counts.map { roofline.prefill(workload, length: $0).total }
    for times in [decode, prefill] {
      for (shorter, longer) in zip(times, times.dropFirst()) {
        #expect(longer >= shorter, "\(profile.name)")
      }
    }
  }
}

@Test func halfTheBandwidthDoublesWhatBandwidthBinds() throws {
  let workload = smallDecoder(bits: 16, stored: .float16)
  for var profile in try DeviceLibrary.builtIn().profiles {
    profile.memory.bandwidth = 1e6
    let time = Roofline(profile: profile).decode(workload, context: 10)
    profile.memory.bandwidth = 5e5
    let slower = Roofline(profile: profile).decode(workload, context: 10)
    #expect(time.binding == .memoryBandwidth)
    let before = time.seconds[.memoryBandwidth] ?? 0
    #expect(near(slower.seconds[.memoryBandwidth] ?? 0, 2 * before))
    #expect(slower.seconds[.overhead] == time.seconds[.overhead])
  }
}

@Test(arguments: [ActivationBits.four, .eight, .sixteen])
func anEmulatedWidthIsNeverFasterThanANativeOne(activations: ActivationBits) throws {
  let cases: [(StoredWidth, Int)] = [
    (.float32, 32), (.float16, 16), (.float8, 8), (.integer8, 8), (.integer4, 4), (.table, 4),
  ]
  for profile in try DeviceLibrary.builtIn().profiles {
    for width in ComputeWidth.allCases
    where width != .float32 && profile.compute.peaks[width] != nil {
      var without = profile
      without.compute.peaks[width] = nil
      if without.compute.peaks[.float32] == nil, width == .float16 { continue }
      for (stored, bits) in cases {
        let workload = smallDecoder(bits: bits, stored: stored)
        func times(_ profile: DeviceProfile) -> [Double] {
          let roofline = Roofline(profile: profile, activations: activations)
          return [
            roofline.decode(workload, context: 100).total,
            roofline.prefill(workload, length: 512).total,
          ]
        }
        for (native, emulated) in zip(times(profile), times(without)) {
          #expect(emulated >= native, "\(profile.name) \(width) \(stored)")
        }
      }
    }
  }
}

@Test func fourBitWeightsRunInFourBitsOnlyWithFourBitActivations() {
  let profile = plainProfile(
    bandwidth: 1e16, peaks: [.float32: 1e12, .float16: 2e12, .integer8: 4e12, .integer4: 8e12])
  let workload = oneProduct(bits: 4, stored: .integer4)
  let times = [ActivationBits.sixteen, .eight, .four].map {
    Roofline(profile: profile, activations: $0).prefill(workload, length: 1000).total
  }
  #expect(near(times[0], 1e-3))
  #expect(near(times[1], 0.5e-3))
  #expect(near(times[2], 0.25e-3))
}

@Test func floatsRunAsHalvesWhereThereAreNoFloatUnits() {
  let profile = plainProfile(bandwidth: 1e16, peaks: [.float16: 2e12, .integer8: 4e12])
  let time = Roofline(profile: profile).prefill(
    oneProduct(bits: 32, stored: .float32), length: 1000)
  #expect(near(time.total, 1e-3))
}

@Test func energyIsPowerTimesTimeOrTheSumOfItsParts() {
  let power = DeviceEstimate(
    oneProduct(), on: plainProfile(energy: .init(basis: .power(100), source: "s")), context: 0,
    prompt: 1)
  #expect(near(power.energy?.joulesPerToken ?? 0, 0.1004))
  #expect(power.energy?.isUpperBound == true)
  let parts = DeviceEstimate(
    oneProduct(),
    on: plainProfile(
      energy: .init(basis: .parts(perByte: 1e-9, perOperation: 1e-9), source: "s")),
    context: 0, prompt: 1)
  #expect(near(parts.energy?.joulesPerToken ?? 0, 1.004e-3 + 2e-3))
  #expect(parts.energy?.isUpperBound == false)
  #expect(DeviceEstimate(oneProduct(), on: plainProfile(), context: 0, prompt: 1).energy == nil)
}

@Test func memoryIsWeightsKeysValuesAndActivations() {
  let workload = smallDecoder(bits: 8, stored: .integer8)
  var profile = plainProfile()
  let memory = DeviceEstimate(workload, on: profile, context: 99, prompt: 10).memory
  #expect(memory.weights == 4 * 2 * 2048 * 512 + 8192 * 512)
  #expect(memory.keysAndValues == 4 * 100 * 2 * 128 * 2)
  #expect(memory.activations == 2560 * 10 * 2 + 8192 * 4)
  #expect(memory.fits)
  profile.memory.capacity = Double(memory.total - 1)
  #expect(!DeviceEstimate(workload, on: profile, context: 99, prompt: 10).memory.fits)
}
