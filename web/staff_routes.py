"""The pages of staff. Each names the least role that opens it."""

from litestar import Router

from web.staff import show_staff_home
from web.staff_customers import begin_view, show_customers, stop_view
from web.staff_pages import show_page_form, show_page_seen
from web.staff_why import show_why

CONSOLE = Router(
    path="/",
    route_handlers=[show_staff_home, show_page_form, show_page_seen, show_customers, begin_view, stop_view, show_why],
    include_in_schema=False,
)
