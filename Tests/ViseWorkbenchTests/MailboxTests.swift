import Synchronization
import Testing
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct MailboxTests {
  private func quality(_ value: Double) -> QualityEstimate {
    QualityEstimate(klMean: Estimate(value: value, provenance: .prior))
  }

  @Test func newestFigureWins() {
    let mailbox = EngineMailbox(wake: {})
    mailbox.post(.quality(quality(1), revision: 1))
    mailbox.post(.quality(quality(3), revision: 3))
    mailbox.post(.quality(quality(2), revision: 2))
    #expect(mailbox.drain() == [.quality(quality(3), revision: 3)])
    #expect(mailbox.isEmpty)
  }

  @Test func wakesOnceUntilDrained() {
    let wakes = Mutex(0)
    let mailbox = EngineMailbox(wake: { wakes.withLock { $0 += 1 } })
    for index in 0..<100 { mailbox.post(.log("\(index)")) }
    #expect(wakes.withLock { $0 } == 1)
    _ = mailbox.drain()
    mailbox.post(.activity(nil))
    #expect(wakes.withLock { $0 } == 2)
  }

  @Test func openingComesFirstAndEndingsAfterFigures() {
    let mailbox = EngineMailbox(wake: {})
    let progress = JobProgress(
      job: 1, activity: "exporting", completed: 1, total: 2, secondsRemaining: nil)
    mailbox.post(.progress(progress))
    mailbox.post(.jobEnded(job: 1, .cancelled))
    mailbox.post(.activity("measuring"))
    mailbox.post(.openFailed("no"))
    #expect(
      mailbox.drain()
        == [.openFailed("no"), .activity("measuring"), .jobEnded(job: 1, .cancelled)])
  }

  @Test func logThatNobodyReadsStaysBounded() {
    let mailbox = EngineMailbox(wake: {})
    for index in 0..<2000 { mailbox.post(.log("\(index)")) }
    let drained = mailbox.drain()
    #expect(drained.count == EngineMailbox.logCapacity)
    #expect(drained.last == .log("1999"))
  }
}
