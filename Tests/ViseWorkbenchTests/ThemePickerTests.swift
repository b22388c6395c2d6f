import Testing
import ViseWorkbench
import WorkbenchTestSupport

struct ThemePickerTests {
  private func driver() -> Driver {
    var driver = Driver()
    driver.apply(.themesFound(["a", "b", "c"], current: "b"))
    driver.press("g t")
    driver.clearEffects()
    return driver
  }

  @Test func themesAreShownAsTheCursorComesToThemAndEscGoesBack() {
    var driver = driver()
    driver.press("j k k k esc")
    #expect(
      driver.effects == [.showTheme("c"), .showTheme("b"), .showTheme("a"), .showTheme("b")])
    #expect(driver.state.theme == "b")
    #expect(driver.state.overlay == nil)
  }

  @Test func enterKeepsWhatIsShown() {
    var driver = driver()
    driver.press("j enter")
    #expect(driver.effects == [.showTheme("c")])
    #expect(driver.state.theme == "c")
  }

  @Test func nothingIsOfferedWhereNoThemesWereFound() {
    var driver = Driver()
    driver.press("g t")
    #expect(driver.state.overlay == nil)
    #expect(driver.state.reasonDisabled(.openThemes) != nil)
  }
}
