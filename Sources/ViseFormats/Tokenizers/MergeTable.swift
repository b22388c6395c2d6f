/// The merges of a byte-pair vocabulary, over numbered symbols.
///
/// A symbol's number is its token id; symbols that are no tokens are numbered after them.
struct MergeTable: Sendable {
  private var pairs: PairTable
  private var extras: [[UInt8]: Int32] = [:]
  private(set) var extraTexts: [[UInt8]] = []
  private let tokenCount: Int
  private var scratch: [UInt8] = []

  init(tokenCount: Int, minimumCapacity: Int) {
    self.tokenCount = tokenCount
    pairs = PairTable(minimumCapacity: minimumCapacity)
  }

  /// The number of the symbol with this text.
  mutating func symbol(_ text: UnsafeRawBufferPointer, in vocabulary: Vocabulary) -> Int32 {
    if let id = vocabulary.table.find(text) { return id }
    let text = Array(text)
    if let known = extras[text] { return known }
    let number = Int32(tokenCount + extraTexts.count)
    extras[text] = number
    extraTexts.append(text)
    return number
  }

  /// Adds the next merge; earlier ones go first, and the first of equal ones counts.
  mutating func append(
    left: UnsafeRawBufferPointer, right: UnsafeRawBufferPointer, rank: Int,
    in vocabulary: Vocabulary
  ) {
    let leftSymbol = symbol(left, in: vocabulary)
    let rightSymbol = symbol(right, in: vocabulary)
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: left)
    scratch.append(contentsOf: right)
    let joined = scratch
    let result = joined.withUnsafeBytes { symbol($0, in: vocabulary) }
    pairs.insert(leftSymbol, rightSymbol, rank: Int32(rank), result: result)
  }

  /// Adds a merge written as its two halves with a space between them.
  mutating func append(
    _ line: UnsafeRawBufferPointer, rank: Int, in vocabulary: Vocabulary
  ) {
    // A merge may begin with a space; the space that parts its halves is a later one.
    guard let space = line.dropFirst().firstIndex(of: UInt8(ascii: " ")) else { return }
    append(
      left: UnsafeRawBufferPointer(rebasing: line[..<space]),
      right: UnsafeRawBufferPointer(rebasing: line[(space + 1)...]), rank: rank, in: vocabulary)
  }

  /// Merges `symbols` in place until no merge applies: lowest rank first, then leftmost.
  func merge(_ symbols: inout [Int32]) {
    if symbols.count <= 48 {
      mergeShort(&symbols)
    } else {
      mergeLong(&symbols)
    }
  }

  private func mergeShort(_ symbols: inout [Int32]) {
    while symbols.count > 1 {
      var best: (rank: Int32, result: Int32)?
      var bestIndex = 0
      for index in 0..<(symbols.count - 1) {
        if let found = pairs.find(symbols[index], symbols[index + 1]),
          found.rank < best?.rank ?? .max
        {
          best = found
          bestIndex = index
        }
      }
      guard let best else { return }
      symbols[bestIndex] = best.result
      symbols.remove(at: bestIndex + 1)
    }
  }

  private func mergeLong(_ symbols: inout [Int32]) {
    var chain = SymbolChain(count: symbols.count)
    var heap = MergeHeap()
    func push(_ left: Int, _ symbols: [Int32], _ heap: inout MergeHeap) {
      guard left >= 0, chain.next[left] < symbols.count else { return }
      let right = chain.next[left]
      if let found = pairs.find(symbols[left], symbols[right]) {
        heap.push(
          MergeHeap.Candidate(
            priority: -Double(found.rank), left: left, right: right,
            check: Int(symbols[left]) << 32 | Int(symbols[right])))
      }
    }
    for index in 0..<(symbols.count - 1) { push(index, symbols, &heap) }
    while let candidate = heap.pop() {
      let (left, right) = (candidate.left, candidate.right)
      guard chain.isAlive(left), chain.isAlive(right), chain.next[left] == right,
        Int(symbols[left]) << 32 | Int(symbols[right]) == candidate.check,
        let found = pairs.find(symbols[left], symbols[right])
      else { continue }
      symbols[left] = found.result
      chain.remove(right)
      push(chain.previous[left], symbols, &heap)
      push(left, symbols, &heap)
    }
    symbols = chain.alive.map { symbols[$0] }
  }
}

/// A doubly linked list over the numbers `0..<count`.
struct SymbolChain {
  private(set) var previous: [Int]
  private(set) var next: [Int]
  private var dead: [Bool]

  init(count: Int) {
    previous = Array(-1..<(count - 1))
    next = Array(1...max(count, 1))
    dead = Array(repeating: false, count: count)
  }

  @inline(__always)
  func isAlive(_ index: Int) -> Bool { !dead[index] }

  /// Takes `index`, which is not the first, out of the list.
  mutating func remove(_ index: Int) {
    dead[index] = true
    next[previous[index]] = next[index]
    if next[index] < dead.count { previous[next[index]] = previous[index] }
  }

  var alive: some Sequence<Int> { dead.indices.lazy.filter { !dead[$0] } }
}

/// Possible merges, best first: highest priority, then leftmost.
struct MergeHeap {
  struct Candidate {
    var priority: Double
    var left: Int
    var right: Int
    /// Tells whether the neighbours are still what they were.
    var check: Int

    @inline(__always)
    func isBefore(_ other: Candidate) -> Bool {
      priority > other.priority || (priority == other.priority && left < other.left)
    }
  }

  private var items: [Candidate] = []

  mutating func push(_ candidate: Candidate) {
    items.append(candidate)
    var child = items.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard candidate.isBefore(items[parent]) else { break }
      items[child] = items[parent]
      child = parent
    }
    items[child] = candidate
  }

  mutating func pop() -> Candidate? {
    guard let first = items.first else { return nil }
    let last = items.removeLast()
    guard !items.isEmpty else { return first }
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < items.count else { break }
      if child + 1 < items.count, items[child + 1].isBefore(items[child]) { child += 1 }
      guard items[child].isBefore(last) else { break }
      items[parent] = items[child]
      parent = child
    }
    items[parent] = last
    return first
  }
}
