"""What the block says, in Chinese and English. No gettext: an Open edX server compiles no catalogues of ours."""

from typing import Any

LANGUAGES = ("zh", "en")
DEFAULT = "zh"

# key: (Chinese, English)
TEXTS = {
    "loading": ("正在读取学时……", "Looking up your hours…"),
    "not_chosen": ("课程作者还没有选定学习单元。", "The author has not chosen a module yet."),
    "not_chosen_author": (
        "请点“编辑”，选定这里要显示的学习单元。",
        "Press Edit and choose which module is shown here.",
    ),
    "not_configured": (
        "课程平台还没有接入学时服务，请联系平台管理员。",
        "This platform is not connected to the class hours service yet. Please tell its administrators.",
    ),
    "away": (
        "学时服务暂时联系不上，已有的学时不受影响，请稍后再试。",
        "The class hours service cannot be reached just now. No hours are lost; please try again soon.",
    ),
    "refused": ("学时服务没有接受这次请求。", "The class hours service did not accept this."),
    "sign_in": ("请先登录课程平台。", "Please sign in to the platform first."),
    "film": ("视频时长 {length}，已计入 {counted}", "Film of {length}, {counted} of it counted"),
    "no_film": ("本单元没有视频", "No film in this module"),
    "hours": (
        "《{programme}》：已有 {credited} 学时，应修 {required} 学时",
        "{programme}: {credited} of {required} class hours so far",
    ),
    "missing": ("还缺：{what}", "Still missing: {what}"),
    "between": ("；", "; "),
    "complete": ("结业条件已全部达成。", "All requirements are met."),
    "open_here": ("在本页打开", "Open in this page"),
    "open_window": ("在新窗口打开", "Open in a new window"),
    "refresh": ("更新学时", "Update the hours"),
    "frame_title": ("学习单元", "The module"),
    "noscript": ("请允许网页脚本，以便显示学时。", "Please allow scripts, so that your hours can be shown."),
    "hours_label": ("本单元的进度", "Progress in this module"),
    "author_lead": ("学员在这里看到自己的学时，并打开学习单元：", "Learners see their hours here and open the module:"),
    "search": ("按名称或代码查找学习单元", "Find a module by title or key"),
    "none_found": ("没有找到。", "Nothing found."),
    "minutes": ("{minutes} 分钟", "{minutes} min"),
    "display_name": ("在课程中显示的名称", "Name shown in the course"),
    "save": ("保存", "Save"),
    "cancel": ("取消", "Cancel"),
    "saved": ("已保存。", "Saved."),
    "choose_one": ("请先选定一个学习单元。", "Please choose a module first."),
    "not_for_learners": ("只有课程作者可以选择。", "Only authors may choose."),
}


def language_of(locale: str | None) -> str:
    """The language to speak to somebody whose locale is this, such as zh-cn, zh_HANS or en-us."""
    language = (locale or "").lower().replace("_", "-").partition("-")[0]
    return language if language in LANGUAGES else DEFAULT


def text(key: str, language: str, **values: object) -> str:
    return TEXTS[key][LANGUAGES.index(language)].format(**values)


def all_texts(language: str, *keys: str) -> dict[str, str]:
    """Texts for a page's script, as they are."""
    return {key: TEXTS[key][LANGUAGES.index(language)] for key in keys}


def clock(seconds: float) -> str:
    """A length of film: 4:05, 1:02:03."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def figure(hours: float) -> str:
    """Class hours without zeros that say nothing: 2, 0.5, 1.25."""
    return f"{hours:.2f}".rstrip("0").rstrip(".")


def standing_lines(standing: Any, language: str) -> dict[str, Any]:
    """What the page shows of a standing, in whole sentences."""
    film, hours, missing = standing["film"], standing["hours"], standing["missing"]
    lines = {
        "title": standing["title"],
        "film": text("no_film", language)
        if film is None
        else text("film", language, length=clock(film["duration_seconds"]), counted=clock(film["counted_seconds"])),
        "hours": text(
            "hours",
            language,
            programme=standing["programme"]["title"],
            credited=figure(hours["credited_class_hours"]),
            required=figure(hours["required_class_hours"]),
        ),
        "missing": text("complete", language),
        "ratio": standing["ratio"],
        "complete": standing["complete"],
    }
    if missing:
        what = text("between", language).join(one["message"] for one in missing)
        lines["missing"] = text("missing", language, what=what)
    return lines
