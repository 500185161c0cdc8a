"""The pages of staff. Each names the least role that opens it."""

from litestar import Router

from web.staff_customers import begin_view, show_customers, stop_view
from web.staff_pages import show_page_form, show_page_seen
from web.staff_requests import resend, settle, show_stopped, show_stuck
from web.staff_sources import show_sources
from web.staff_today import show_today
from web.staff_why import show_why

CONSOLE = Router(
    path="/",
    route_handlers=[
        show_today,
        show_page_form,
        show_page_seen,
        show_customers,
        begin_view,
        stop_view,
        show_why,
        show_stuck,
        show_stopped,
        resend,
        settle,
        show_sources,
    ],
    include_in_schema=False,
)
