import Synchronization
import Testing
import ViseTensor

@Test(arguments: 1...4)
func membersShareAllWorkAndMeetBetweenItsParts(count: Int) {
  let team = SpinTeam(count: count)
  let done = Atomic<Int>(0)
  let early = Atomic<Int>(0)
  for round in 0..<50 {
    team.run { [total = 103] member in
      for part in 1...4 {
        done.add(member.share(of: total).count, ordering: .relaxed)
        member.meet()
        // All have done this part, and none the next one.
        if done.load(ordering: .relaxed) != (round * 4 + part) * total {
          early.add(1, ordering: .relaxed)
        }
        member.meet()
      }
    }
  }
  #expect(done.load(ordering: .relaxed) == 50 * 4 * 103)
  #expect(early.load(ordering: .relaxed) == 0)
}
